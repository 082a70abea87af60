"""The addresses of a platform's servers become parts of pages and headers, so they are nothing but addresses."""

from __future__ import annotations

import pytest

from domains.rules.addresses import is_address


@pytest.mark.parametrize(
    "text",
    [
        "https://east.example",
        "http://127.0.0.1:8000/x/",
        "http://[2001:db8::1]:8080",
        "amqp://broker.example:5672/%2F",
        "mysql://db/east?charset=utf8mb4",
    ],
)
def test_addresses_of_servers(text: str) -> None:
    assert is_address(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "east",
        "http://",
        "http://[",
        "http://a:99999",
        "https://x; script-src *",
        "https://x\r\nX-More: y",
        "https://x/'",
        "https://x,y",
        "http://" + "x" * 300,
    ],
)
def test_what_would_end_a_header_or_is_no_address_is_none(text: str) -> None:
    assert not is_address(text)
