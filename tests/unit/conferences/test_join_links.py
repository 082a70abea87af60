"""The link of a booking admits to its own conferences, and to nobody else's."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import AnonymousUser
from django.test import RequestFactory

from conferences.data.join_info import PLANNED, JoinInfo
from conferences.data.join_links import may_join, token_for


@pytest.mark.parametrize(
    ("linked_id", "conference", "admits"),
    [
        ("b1", ("c1", "running", "b1"), True),
        ("b1", ("b1", PLANNED, "b1"), True),
        ("c0", ("b1", PLANNED, "b1"), False),
        ("b1", ("c2", "running", "b2"), False),
        ("b1", ("c2", "running", ""), False),
        ("", ("c2", "running", ""), False),
    ],
)
def test_a_link_of_a_booking_admits_to_its_conferences_alone(
    linked_id: str, conference: tuple[str, str, str], admits: bool
) -> None:
    confid, state, bookid = conference
    info = JoinInfo(confid, "8800001", "Choir", state, "", "u1", None, "east", None, bookid)
    request = RequestFactory().get("/join/8800001/", {"t": token_for(linked_id)})
    request.user = AnonymousUser()
    assert may_join(request, info) is admits
