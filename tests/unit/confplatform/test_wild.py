"""Requests as they occur in the wild: what becomes of `_method`."""

from __future__ import annotations

import json
from urllib.parse import urlencode
from xml.etree.ElementTree import fromstring

import pytest
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.test import RequestFactory

from foundation.json_value import JSONValue
from foundation.web.lenient_requests import WildRequests
from foundation.web.xml_answers import to_xml


def reached(request: HttpRequest) -> str:
    """Return the method with which a request gets through, or its refusal."""
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


XML = {"Content-Type": "application/xml; charset=utf-8"}


@pytest.mark.parametrize(
    ("path", "accept", "is_xml"),
    [
        (ONE, "", False),
        (ONE, "*/*", False),
        (ONE, "application/json", False),
        (ONE, "application/xml", True),
        (ONE, "text/xml;q=0.5", True),
        (ONE, "application/json;q=0.4, application/xml;q=0.5", True),
        (ONE, "application/json, application/xml;q=0.9", False),
        (ONE, "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", False),
        (f"{ONE}.xml", "application/json", True),
        (f"{ONE}.json", "application/xml", False),
    ],
)
def test_an_answer_is_xml_where_suffix_or_header_asks_for_it(
    path: str, accept: str, is_xml: bool
) -> None:
    take = WildRequests(
        lambda r: JsonResponse({"path": r.path_info, "accept": r.headers["Accept"]})
    )
    answer = take(RequestFactory().get(path, HTTP_ACCEPT=accept))
    if not is_xml:
        assert json.loads(answer.content)["path"] == ONE
        return
    assert answer["Content-Type"] == XML["Content-Type"]
    root = fromstring(answer.content)  # noqa: S314 - our own answer
    assert (root.findtext("path"), root.findtext("accept")) == (ONE, "application/json")


def test_every_value_has_a_form_in_xml() -> None:
    value: JSONValue = {"a": [1, {"b": "<&>\x01"}], "c": None, "d": True, "5 e": 1.5}
    assert to_xml(value) == (
        "<response><a><item>1</item><item><b>&lt;&amp;&gt;\ufffd</b></item></a><c></c><d>1</d>"
        "<_5_e>1.5</_5_e></response>"
    )


@pytest.mark.parametrize("name", ["params", "content"])
def test_the_method_may_stand_inside_of_the_arguments(name: str) -> None:
    form = urlencode({name: '{"_method": "delete"}'})
    kind = "application/x-www-form-urlencoded"
    assert reached(RequestFactory().post(ONE, form, kind)) == "DELETE"


def test_every_answer_names_the_level_of_the_api() -> None:
    take = WildRequests(lambda r: HttpResponse())
    assert take(RequestFactory().get(ONE, HTTP_API_LEVEL="3"))["API-Level"] == "1"


def test_whoever_accepts_problems_accepts_answers_in_json() -> None:
    take = WildRequests(lambda r: HttpResponse(r.headers["Accept"]))
    accepted = take(RequestFactory().get(ONE, HTTP_ACCEPT="application/problem+json")).content
    assert accepted == b"application/json, application/problem+json"
