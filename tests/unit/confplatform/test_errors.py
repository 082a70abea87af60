"""The codes of HTTP refusals."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import RequestFactory
from rest_framework import exceptions
from rest_framework.request import Request

from conferences.api.commands import nack_of
from foundation.web.errors import PROBLEM, Refusal, Unreadable, answer_refusal
from wire.http_codes import UNSPECIFIED, http_code


@pytest.mark.parametrize("said", ["", "0", "None", "\u00b2", "9" * 5000, "-1"])
def test_a_unit_may_say_what_it_likes_as_its_error_code(said: str) -> None:
    assert http_code(said) == UNSPECIFIED


def test_codes_of_the_wire_stay_or_have_their_own_number() -> None:
    assert (http_code("29003"), http_code("29010")) == (29003, 12103)


def answered(failure: Exception, **headers: str) -> Any:
    """Return the answer to an exception of a view, for a program with these headers."""
    request = Request(RequestFactory().get("/api/v1/vc/confs/1", headers=headers))
    answer = answer_refusal(failure, {"request": request})
    assert answer is not None
    return answer


BEARER = {"Authorization": "Bearer x"}


@pytest.mark.parametrize(
    ("failure", "code", "status"),
    [
        (Refusal(12103, "conference does not exist"), 12103, 404),
        (Refusal(29001, "name: is too long"), 29001, 422),
        (Unreadable("name: is missing"), 29001, 400),
        (Refusal(10102, "log in"), 10102, 401),
        (Refusal(19008, "not allowed"), 19008, 403),
        (Refusal(20437, "is the speaker already"), 20437, 409),
        (Refusal(29005, "served elsewhere", serving={"url": "u"}), 29005, 503),
        (exceptions.MethodNotAllowed("PUT"), 99999, 405),
        (exceptions.Throttled(3), 20003, 429),
    ],
)
def test_programs_of_today_get_a_status_and_problem_details(
    failure: Exception, code: int, status: int
) -> None:
    for headers in (BEARER, {"Accept": PROBLEM}):
        answer = answered(failure, **headers)
        assert (answer.status_code, answer.content_type) == (status, PROBLEM)
        body = answer.data
        assert (body["status"], body["error_code"]) == (status, code)
        assert body["type"].endswith(str(code))
        assert body["instance"] == "/api/v1/vc/confs/1"
        assert body["detail"]


def test_older_programs_get_status_200_and_while_another_site_serves_a_code_that_they_know() -> (
    None
):
    refused = answered(Refusal(12103, "conference does not exist"))
    assert (refused.status_code, refused.data["error_code"]) == (200, 12103)
    closed = answered(Refusal(29005, "served elsewhere", serving={"url": "u"}))
    assert (closed.status_code, closed.data["error_code"]) == (200, 10102)
    assert (closed.data["serving"], closed["Retry-After"]) == ({"url": "u"}, "5")
    busy = answered(exceptions.Throttled(3))
    assert (busy.status_code, busy.data["error_code"], busy["Retry-After"]) == (200, 20003, "4")


@pytest.mark.parametrize(
    ("detail", "shown"),
    [
        ("mts: nobody can call sip here", "mts: nobody can call sip here"),
        ("a\r\nX-More: b\x1b[2J\u202e", "a X-More: b [2J"),
        ("x" * 100_000, "x" * 400),
        ({"not": "a text"}, "{'not': 'a text'}"),
        (None, "refused"),
        ("\u200b", "refused"),
    ],
)
def test_of_what_a_unit_gives_as_its_reason_people_read_one_short_line(
    detail: object, shown: str
) -> None:
    assert nack_of({"errcode": "29015", "detail": detail}).description == shown
