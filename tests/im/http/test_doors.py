"""Every address refuses strangers, people of other tenants, and people without the right."""

from __future__ import annotations

import json
import re
import time

import pytest
import yaml
from django.db import transaction

from domains.models import Account
from foundation import clock
from im.api import urls
from im.rules import tokens
from tests.im.http.town import Body, Someone
from tests.web_clients import BareClient, Browser

CALLS: list[tuple[str, str, Body]] = [
    ("GET", "conversations", {}),
    ("POST", "conversations", {"kind": "direct", "user": "{ben}"}),
    ("GET", "conversations/{n}", {}),
    ("PATCH", "conversations/{n}", {"name": "mine"}),
    ("DELETE", "conversations/{n}", {}),
    ("PATCH", "conversations/{n}/mine", {"quiet": True}),
    ("PUT", "conversations/{n}/pins/2", {}),
    ("DELETE", "conversations/{n}/pins/2", {}),
    ("GET", "conversations/{n}/members", {}),
    ("POST", "conversations/{n}/members", {"users": ["{me}"]}),
    ("POST", "conversations/{n}/members", {"users": ["{me}"], "invite": True}),
    ("PATCH", "conversations/{n}/members/{ben}", {"role": "member"}),
    ("PATCH", "conversations/{n}/members/{ben}", {"muted_until": None}),
    ("DELETE", "conversations/{n}/members/{ben}", {}),
    ("DELETE", "conversations/{n}/members/{me}", {}),
    ("POST", "conversations/{n}/join", {}),
    ("GET", "conversations/{n}/messages", {}),
    ("DELETE", "conversations/{n}/messages", {}),
    ("DELETE", "conversations/{n}/messages/2", {}),
    ("PUT", "conversations/{n}/read", {"seq": 1}),
    ("GET", "conversations/{n}/readers?seq=1", {}),
    ("GET", "conversations/{n}/trace?client_msg_id=m-1", {}),
    ("POST", "offline", {}),
    ("GET", "contacts", {}),
    ("POST", "contacts", {"user": "nobody"}),
    ("PATCH", "contacts/{ben}", {"state": "friend"}),
    ("DELETE", "contacts/{ben}", {}),
    ("GET", "people?name=nobody", {}),
    ("GET", "presence", {}),
    ("PUT", "presence", {}),
    ("POST", "heartbeat", {"device": "d"}),
]
"""All of them; `{n}` is a group of anna and ben."""
OBJECTS = [one for one in CALLS if "{n}" in one[1]]


def filled(call: tuple[str, str, Body], **values: str) -> tuple[str, str, Body]:
    """Return a call (method, path, body) with these ids filled in."""
    method, path, body = call

    def put(value: object) -> object:
        if isinstance(value, list):
            return [put(item) for item in value]
        return value.format(**values) if isinstance(value, str) else value

    return method, path.format(**values), {name: put(value) for name, value in body.items()}


@pytest.fixture
def group(anna: Someone, ben: Someone) -> str:
    """Return a group of two, with a message."""
    number = anna.founds(ben)
    anna.says(number, "secret", mark="m-1")
    return number


def snapshot(anna: Someone, number: str) -> object:
    """Return everything that a call could have changed."""
    return anna.shown(number), anna.members(number), anna.log(number)


def test_every_address_is_tried_here() -> None:
    tried = {
        re.sub(r"/2$", "/<int:seq>", path.split("?")[0])
        .replace("{n}", "<int:number>")
        .replace("{ben}", "<str:user>")
        .replace("{me}", "<str:user>")
        for _, path, _ in CALLS
    }
    ours = {
        str(pattern.pattern)
        for pattern in urls.urlpatterns
        if pattern.callback.__module__.rpartition(".")[2]
        in ("conversations", "members", "messages", "contacts")
    }
    assert ours == tried


def test_nobody_calls_without_a_token(group: str, ben: Someone) -> None:
    forged = Someone(ben.account, ben.token[:-1] + ("x" if ben.token[-1] != "x" else "y"))
    old = Someone(ben.account, tokens.issue(ben.id, "any", tokens.Bearer.USER, 1e9)[0])
    for call in CALLS:
        method, path, body = filled(call, n=group, ben=ben.id, me=ben.id)
        for token in (forged, old):
            assert token.call(method, path, body).status == 401
        bare = Browser().generic(method, f"/api/v1/im/{path}", content_type="application/json")
        assert (bare.status_code, bare.json()["code"]) == (401, "not_signed_in")


MAY = {
    "invited": {
        "GET conversations/{n}",
        "POST conversations/{n}/join",
        "DELETE conversations/{n}/members/{me}",
    },
    "removed": {
        "GET conversations/{n}",
        "PATCH conversations/{n}/mine",
        "GET conversations/{n}/messages",
        "DELETE conversations/{n}/messages",
        "DELETE conversations/{n}/members/{me}",
        "GET conversations/{n}/readers?seq=1",
        "GET conversations/{n}/trace?client_msg_id=m-1",
    },
}
"""What is there for whom: to come in or not; and for one who was in, what he had seen."""


@pytest.mark.parametrize("who", ["cara", "zoe", "operator", "removed", "invited"])
def test_whoever_is_not_in_a_group_can_do_nothing_to_it(
    who: str, group: str, anna: Someone, ben: Someone, request: pytest.FixtureRequest
) -> None:
    if who == "operator":
        account = Account.objects.create_superuser("root", password="a long one of tests")
        person = Someone(account, token_of(anna, account))
    else:
        person = request.getfixturevalue("zoe" if who == "zoe" else "cara")
    if who in MAY:
        invite = who == "invited"
        anna.post(f"conversations/{group}/members", {"users": [person.id], "invite": invite})
    if who == "removed":
        anna.delete(f"conversations/{group}/members/{person.id}")
    before = snapshot(anna, group)
    for call in OBJECTS:
        begun = transaction.savepoint()
        answer = person.call(*filled(call, n=group, ben=ben.id, me=person.id))
        if f"{call[0]} {call[1]}" not in MAY.get(who, ()):
            assert (answer.status, answer["code"]) == (404, "not_found"), call
            assert snapshot(anna, group) == before, call
        assert "secret" not in str(answer.body)
        transaction.savepoint_rollback(begun)


def token_of(anna: Someone, account: Account) -> str:
    """Return a token of an account at anna's platform."""
    platform = tokens.read(anna.token).platform
    return tokens.issue(account.moid, platform, tokens.Bearer.USER, time.time())[0]


def test_a_browser_needs_its_csrf_token(anna: Someone, ben: Someone) -> None:
    browser = BareClient()
    browser.force_login(anna.account, backend="domains.flows.sign_in.SignInNameBackend")
    assert browser.get("/api/v1/im/conversations").status_code == 200
    body = json.dumps({"kind": "direct", "user": ben.id})
    refused = browser.post("/api/v1/im/conversations", body, content_type="application/json")
    assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed")
    assert anna.get("conversations")["conversations"] == []
    browser.cookies["csrftoken"] = "a" * 32
    answer = browser.post(
        "/api/v1/im/conversations",
        body,
        content_type="application/json",
        headers={"X-CSRFToken": "a" * 32},
    )
    assert answer.status_code == 200


def test_too_many_questions_are_refused(anna: Someone, monkeypatch: pytest.MonkeyPatch) -> None:
    this_minute = clock.timestamp()
    monkeypatch.setattr(clock, "timestamp", lambda database="": this_minute)
    answers = [anna.get("people?name=nobody") for _ in range(61)]
    assert [answer.status for answer in answers] == [404] * 60 + [429]
    assert answers[-1]["code"] == "rate"


def test_a_method_that_does_not_exist_is_refused(anna: Someone) -> None:
    assert anna.put("contacts").status == 405


@pytest.mark.parametrize("number", ["0", "99999999999999999999", "18446744073709551616"])
def test_a_number_that_is_none_is_not_found(anna: Someone, number: str) -> None:
    assert anna.get(f"conversations/{number}/messages").status == 404
    assert anna.get(f"conversations/{number}").status == 404


def test_every_call_is_described(anna: Someone, client: Browser) -> None:
    schema = yaml.safe_load(client.get("/api/schema/").content)
    for method, path, _ in CALLS:
        plain = path.split("?")[0].replace("{n}", "{number}").replace("{me}", "{user}")
        plain = re.sub(r"/2$", "/{seq}", plain).replace("{ben}", "{user}")
        operation = schema["paths"][f"/api/v1/im/{plain}"][method.lower()]
        assert operation["responses"]["200"]["content"]["application/json"]["schema"].get("$ref")
        assert operation["description"]


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_an_address_without_a_call_is_404_for_everybody(anna: Someone, method: str) -> None:
    for headers in ({}, {"Authorization": f"Bearer {anna.token}"}):
        answer = BareClient().generic(
            method, "/api/v1/im/circles", content_type="application/json", headers=headers
        )
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
        assert answer.json()["success"] == 0
