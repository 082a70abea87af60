"""People call each other over HTTP: who rings, who is told, and what the log keeps of it."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from foundation import clock
from foundation.cells.directory import own_platform, store_of
from im.data import presence_store
from im.data.people import person_of_account
from social.data import call_hooks, call_rows
from social.flows import call_timer
from social.flows.calls import apply_event
from social.flows.calls import start_call as begin
from social.models import Call as Row
from social.rules.calls import Answered, MediaReady
from tests.im.http.town import Answer, Body, Someone, pushed

DEVICE = {"device": "d1"}


def social(person: Someone, method: str, path: str, body: Body | None = None) -> Answer:
    """Make a call under `/api/v1/social/`."""
    reply = person.client.generic(
        method,
        f"/api/v1/social/{path}",
        json.dumps(body) if body is not None else "",
        content_type="application/json",
        headers={"Authorization": f"Bearer {person.token}"},
    )
    return Answer(reply.status_code, json.loads(reply.content))


def comes_online(*people: Someone) -> None:
    """Let a device of each of these people send a heartbeat over AMQP."""
    for person in people:
        presence_store.record_device(person.id, "d1", "a", clock.now().timestamp())


def start(caller: Someone, callee: Someone) -> Body:
    """Call somebody, and return the call."""
    answer = social(caller, "POST", "calls", {"user": callee.id, **DEVICE})
    assert answer.status == 200, answer.body
    return dict(answer["call"])


def told(*people: Someone) -> list[tuple[str, str | None, set[str]]]:
    """Return, and forget, the notices of calls: kind, reason or state, and who gets them."""
    names = {f"u_.{person.id}": person.account.username for person in people}
    notices: list[tuple[str, str | None, set[str]]] = []
    for key, message, more in pushed():
        if message["cmd"].startswith("call."):
            about = message["data"]["reason"] or message["data"]["state"]
            notices.append((message["cmd"], about, {names[k] for k in {key, *more} if k in names}))
    return notices


def log_of(person: Someone, number: str) -> list[Any]:
    """Return what a conversation's log tells of calls."""
    return [
        (entry["data"]["what"], entry["data"].get("reason"))
        for entry in person.log(number)
        if entry["cmd"] == "call"
    ]


def test_a_call_rings_at_both_and_leaves_start_and_end_in_the_log(
    anna: Someone, ben: Someone
) -> None:
    comes_online(anna, ben)
    call = start(anna, ben)
    assert (call["state"], call["caller"]["name"]) == ("inviting", "anna")
    assert told(anna, ben) == [
        ("call.ringing", "inviting", {"anna"}),
        ("call.ringing", "inviting", {"ben"}),
    ]
    path = f"calls/{call['call_id']}"
    for _ in range(2):  # Twice is once.
        assert social(ben, "POST", f"{path}/ringing")["call"]["state"] == "ringing"
    assert told(anna, ben) == [
        ("call.ringing", "ringing", {"anna"}),
        ("call.ringing", "ringing", {"ben"}),
    ]
    ended = social(ben, "POST", f"{path}/decline")["call"]
    assert (ended["state"], ended["reason"], ended["missed"]) == ("ended", "declined", False)
    assert social(anna, "POST", f"{path}/hangup")["call"] == ended
    assert [kind for kind, _, _ in told(anna, ben)] == ["call.ended", "call.ended"]
    assert log_of(ben, call["conversation_id"]) == [("started", None), ("ended", "declined")]


def test_a_call_that_nobody_answers_is_missed_and_counts_as_unread(
    anna: Someone, ben: Someone
) -> None:
    comes_online(anna, ben)
    call = start(anna, ben)
    call_timer.handle_due(own_platform())
    assert social(anna, "GET", f"calls/{call['call_id']}")["call"]["state"] == "inviting"
    Row.objects.update(due_at=clock.now(), ring_until=clock.now())
    assert call_timer.handle_due(own_platform()) == 1
    assert call_timer.handle_due(own_platform()) == 0
    number = call["conversation_id"]
    assert log_of(ben, number) == [("started", None), ("missed", "no_answer")]
    assert ben.shown(number)["unread"] == 1
    assert ben.shown(number)["last"]["data"]["what"] == "missed"
    assert anna.shown(number)["unread"] == 0
    missed = social(ben, "GET", "calls?missed=true")["calls"]
    assert [(one["call_id"], one["reason"]) for one in missed] == [(call["call_id"], "no_answer")]
    assert social(anna, "GET", "calls?missed=true")["calls"] == []


def test_somebody_offline_or_busy_has_missed_a_call_at_once(
    anna: Someone, ben: Someone, cara: Someone
) -> None:
    away = start(anna, ben)
    assert (away["state"], away["reason"]) == ("ended", "unreachable")
    comes_online(ben, cara)
    start(cara, ben)
    busy = start(anna, ben)
    assert (busy["state"], busy["reason"]) == ("ended", "busy")
    assert log_of(ben, busy["conversation_id"]) == [("missed", "unreachable"), ("missed", "busy")]


def test_the_first_device_has_the_call_and_the_second_is_told_so(
    anna: Someone, ben: Someone
) -> None:
    comes_online(ben)
    call = start(anna, ben)
    number = int(call["call_id"])
    apply_event(store_of(own_platform()), number, Answered(ben.id, "b1"), clock.now())
    late = social(ben, "POST", f"calls/{number}/answer", {"device": "b2"})
    assert (late.status, late["code"]) == (409, "answered_elsewhere")
    assert late["call"]["answered_by"] == "b1"
    live = social(ben, "GET", "calls?live=true")["calls"]
    assert [one["state"] for one in live] == ["active"]


def test_a_talk_that_no_plugin_allows_any_more_ends(anna: Someone, ben: Someone) -> None:
    comes_online(ben)
    number = int(start(anna, ben)["call_id"])
    store = store_of(own_platform())
    for event in (Answered(ben.id, "b1"), MediaReady("8800001", "conf")):
        apply_event(store, number, event, clock.now())
    Row.objects.update(due_at=clock.now() - timedelta(seconds=1))

    def refuse(database: str, caller: str, callee: str) -> bool:
        return False

    call_hooks.MAY_TALK.connect(refuse)
    try:
        call_timer.handle_due(own_platform())
        refused = social(anna, "POST", "calls", {"user": ben.id, **DEVICE})
    finally:
        call_hooks.MAY_TALK.disconnect(refuse)
    ended = call_rows.read_call(store.database, number)
    assert ended is not None
    assert (ended.reason, ended.is_released) == ("failed", True)
    assert (refused.status, refused["code"]) == (409, "not_permitted")


def test_a_call_whose_conference_is_gone_ends_when_the_timer_looks(
    anna: Someone, ben: Someone
) -> None:
    comes_online(ben)
    number = int(start(anna, ben)["call_id"])
    store = store_of(own_platform())
    for event in (Answered(ben.id, "b1"), MediaReady("8800001", "conf")):
        apply_event(store, number, event, clock.now())
    Row.objects.update(due_at=clock.now())
    call_timer.handle_due(own_platform())
    ended = social(anna, "GET", f"calls/{number}")["call"]
    assert (ended["state"], ended["reason"]) == ("ended", "hung_up")
    assert Row.objects.get().due_at is None


@pytest.mark.parametrize("who", ["zoe", "blocked", "nobody", "myself"])
def test_a_refused_call_does_not_tell_whether_the_person_exists(
    who: str, anna: Someone, ben: Someone, zoe: Someone
) -> None:
    comes_online(ben, zoe)
    if who == "blocked":
        ben.post("contacts", {"user": anna.id})
        ben.patch(f"contacts/{anna.id}", {"state": "blocked"})
    user = {"zoe": zoe.id, "blocked": ben.id, "nobody": "nobody", "myself": anna.id}[who]
    answer = social(anna, "POST", "calls", {"user": user, **DEVICE})
    assert (answer.status, answer["code"]) == (404, "not_found")
    assert not Row.objects.exists()


def test_a_call_is_nobody_elses(anna: Someone, ben: Someone, cara: Someone, zoe: Someone) -> None:
    comes_online(ben)
    path = f"calls/{start(anna, ben)['call_id']}"
    before = social(anna, "GET", path)["call"]
    wanted: list[tuple[str, str, Body | None]] = [
        ("GET", path, None),
        ("GET", f"{path}/media", None),
    ]
    wanted += [("POST", f"{path}/{act}", None) for act in ("ringing", "decline", "hangup")]
    wanted += [("POST", f"{path}/answer", DEVICE)]
    for person in (cara, zoe):
        for call in wanted:
            assert social(person, *call).status == 404, call
        assert social(person, "GET", "calls")["calls"] == []
    assert social(anna, "GET", path)["call"] == before


def test_two_who_call_each_other_talk(anna: Someone, ben: Someone) -> None:
    comes_online(anna, ben)
    first = start(anna, ben)
    assert start(anna, ben) == first
    me = person_of_account(ben.account)
    answered = begin(store_of(own_platform()), me, anna.id, "b1", clock.now())
    assert (str(answered.id), answered.state.value) == (first["call_id"], "active")


def test_wrong_arguments_are_named(anna: Someone) -> None:
    for body, field in (
        ({}, "user"),
        ({"user": "x"}, "device"),
        ({"user": "x", "device": "ä"}, "device"),
    ):
        answer = social(anna, "POST", "calls", body)
        assert (answer.status, answer["code"]) == (400, "malformed")
        assert answer["description"].startswith(f"{field}:")
