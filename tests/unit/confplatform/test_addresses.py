"""Wrong tries are counted for a visitor, however many addresses the visitor has."""

from __future__ import annotations

import pytest
from django.test import RequestFactory

from foundation.web.arguments import digits
from foundation.web.audit import counted_address_of


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::"),
        ("2001:db8:1:3::1", "2001:db8:1:3::"),
        ("rubbish", None),
    ],
)
def test_all_addresses_of_one_network_of_ipv6_are_one_visitor(
    address: str, counted: str | None
) -> None:
    assert counted_address_of(RequestFactory().get("/", REMOTE_ADDR=address)) == counted


@pytest.mark.parametrize(
    ("text", "number"),
    [("7", 7), ("007", 7), ("", None), ("-1", None), ("²", None), ("9" * 5000, None)],
)
def test_a_number_of_a_page_is_read_if_it_is_one(text: str, number: int | None) -> None:
    assert digits(text) == number
