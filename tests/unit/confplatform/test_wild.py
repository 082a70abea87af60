"""Requests as they occur in the wild: what becomes of `_method`."""

from __future__ import annotations

import json

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from foundation.web.lenient_requests import WildRequests


def reached(request: HttpRequest) -> str:
    """The method with which a request gets through, or its refusal."""
    reply = WildRequests(lambda r: HttpResponse(r.method or ""))(request)
    if reply["Content-Type"] == "application/json":
        return str(json.loads(reply.content)["error_code"])
    return reply.content.decode()


ONE = "/api/v1/mc/confs/1"


@pytest.mark.parametrize(
    ("query", "method"),
    [("", "GET"), ("?_method=get", "GET"), ("?_method=delete&account_token=t", "DELETE")],
)
def test_a_get_may_name_another_method(query: str, method: str) -> None:
    assert reached(RequestFactory().get(ONE + query)) == method


def test_a_link_with_nothing_but_the_cookie_changes_nothing() -> None:
    request = RequestFactory().get(ONE + "?_method=DELETE")
    request.COOKIES["SSO_COOKIE_KEY"] = "of the one who clicks"
    assert reached(request) == "10102"


def test_a_form_may_name_another_method() -> None:
    assert reached(RequestFactory().post(ONE, {"_method": "DELETE"}, "text/plain")) == "POST"
    form = "_method=DELETE"
    kind = "application/x-www-form-urlencoded"
    assert reached(RequestFactory().post(ONE, form, kind)) == "DELETE"


def test_a_bare_address_as_host_is_one_of_ours_and_a_foreign_name_is_refused_as_the_api_refuses() -> (
    None
):
    for host in ("192.0.2.7", "192.0.2.7:8000", "[2001:db8::7]:8000", "127.0.0.1"):
        assert reached(RequestFactory().get(ONE, HTTP_HOST=host)) == "GET"
    assert reached(RequestFactory().get(ONE, HTTP_HOST="evil.example")) == "99999"


def test_the_suffix_json_asks_for_the_same_call() -> None:
    take = WildRequests(lambda r: HttpResponse(r.path_info))
    for path, taken in ((f"{ONE}.json", ONE), ("/api/v1/im/files/a.json",) * 2):
        assert take(RequestFactory().get(path)).content.decode() == taken
