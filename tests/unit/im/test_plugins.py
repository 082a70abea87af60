"""Plugins are found by entry point, kept within limits, and put out when they fail again and again."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from pytest_django import Settings

from im.data.plugins import repository, switches
from im.flows.plugins import filters, guard
from im.flows.plugins.filters import Filter
from im.rules.messages import IncomingRequest, RefusedMessage, Say, Typing
from im.rules.plugins import (
    FAILURES_IN_A_ROW,
    MOST_ANSWERS,
    HeardMessage,
    ParserPlugin,
    Place,
    PluginFault,
    Refusal,
    SentText,
    Streak,
    answers_of,
    heard_message,
)
from im.rules.vocabulary import TEXT_BYTES, Type
from tests.im.plugins import REPLY_BOT, install

HEARD = HeardMessage(7, 3, "ann", "Ann", "text", "!echo hello", "2026-01-01T00:00:00.000Z")


class Shouter:
    """It writes everything in capitals, refuses one word and fails on another."""

    def check(self, text: SentText) -> str | Refusal:
        if text.body == "broken":
            raise RuntimeError("cannot")
        return Refusal("not here") if text.body == "rude" else text.body.upper()


def say(*bodies: str) -> list[IncomingRequest]:
    return [IncomingRequest("ann", "", Say(1, Type.TEXT, body), f"m-{body}") for body in bodies]


def bodies(items: Sequence[IncomingRequest | RefusedMessage]) -> list[str]:
    return [
        item.reason if isinstance(item, RefusedMessage) else getattr(item.request, "body", "-")
        for item in items
    ]


@pytest.fixture
def put_out(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Keep switches in memory, and return what was put out: name -> fault."""
    out: dict[str, str] = {}
    monkeypatch.setattr(switches, "mark_faulty", out.__setitem__)
    monkeypatch.setattr(switches, "why_off", lambda name: out.get(name, ""))
    return out


def test_the_reply_bot_is_found_by_its_entry_point_with_its_version(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(install(tmp_path, "1.2"))
    settings.IM_PLUGINS = {REPLY_BOT: {"word": "!say"}}
    found = repository.find(REPLY_BOT)
    assert (found.place, found.version) == (Place.PROCESS, "1.2")
    bot = repository.create(found)
    assert bot.handle(replace(HEARD, body="!say hello")) == ["hello"]  # type: ignore[attr-defined]
    assert bot.handle(HEARD) == []  # type: ignore[attr-defined]


def test_what_is_not_named_or_not_installed_is_not_used(settings: Settings) -> None:
    settings.IM_PLUGINS = {}
    with pytest.raises(PluginFault, match="does not name"):
        repository.find("absent")
    settings.IM_PLUGINS = {"absent": {}}
    with pytest.raises(PluginFault, match="not installed"):
        repository.find("absent")


def test_a_call_that_raises_or_hangs_is_a_fault_of_the_plugin() -> None:
    assert guard.call_with_limit("p", 5, lambda: 1) == 1
    with pytest.raises(PluginFault, match="ZeroDivisionError"):
        guard.call_with_limit("p", 5, lambda: 1 // 0)
    with pytest.raises(PluginFault, match="SystemExit"):
        guard.call_with_limit("p", 5, lambda: exit(1))
    goes_on = threading.Event()
    with pytest.raises(PluginFault, match="longer than"):
        guard.call_with_limit("p", 0.01, goes_on.wait)
    goes_on.set()


def test_a_plugin_is_put_out_after_failures_in_a_row_alone() -> None:
    streak = Streak()
    for _ in range(3):
        assert not any(streak.note_failure() for _ in range(FAILURES_IN_A_ROW - 1))
        streak.note_success()
    assert [streak.note_failure() for _ in range(FAILURES_IN_A_ROW)][-1]


def test_answers_are_requests_that_are_stored_once_however_often_they_come() -> None:
    first = answers_of("bot", "bob", HEARD, ["a", "b"])
    assert first == answers_of("bot", "bob", HEARD, ["a", "b"])
    assert [request.client_msg_id for request in first] == ["bot.7.3.0", "bot.7.3.1"]
    assert [request.sender for request in first] == ["bob", "bob"]


@pytest.mark.parametrize(
    "texts", ["text", None, [1], [""], ["a"] * (MOST_ANSWERS + 1), ["x" * (TEXT_BYTES + 1)], ["\0"]]
)
def test_what_a_plugin_may_not_answer_is_a_fault(texts: object) -> None:
    with pytest.raises(PluginFault):
        answers_of("bot", "bob", HEARD, texts)


def test_only_messages_are_heard() -> None:
    assert heard_message("read", {}) is None


def test_texts_are_changed_or_refused_before_they_are_stored(put_out: dict[str, str]) -> None:
    shouter = Filter("shouter", Shouter())
    typing = IncomingRequest("ann", "", Typing(1))
    items = shouter.apply([*say("hello", "rude"), typing])
    assert bodies(items) == ["HELLO", "not here", "-"]
    assert isinstance(items[1], RefusedMessage)
    assert items[1].client_msg_id == "m-rude"


def test_a_text_on_which_a_plugin_fails_goes_on_as_it_came(put_out: dict[str, str]) -> None:
    shouter = Filter("shouter", Shouter())
    assert bodies(shouter.apply(say("broken", "a", "broken", "b"))) == [
        "broken",
        "A",
        "broken",
        "B",
    ]
    assert put_out == {}


def test_a_plugin_that_always_fails_is_put_out_and_disturbs_nobody(put_out: dict[str, str]) -> None:
    shouter = Filter("shouter", Shouter())
    for _ in range(FAILURES_IN_A_ROW):
        assert bodies(shouter.apply(say("broken"))) == ["broken"]
    assert put_out == {"shouter": "RuntimeError: cannot"}
    assert bodies(shouter.apply(say("hello"))) == ["hello"]


def test_a_plugin_that_hangs_is_left_behind(
    put_out: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filters, "BATCH_SECONDS", 0.01)
    goes_on = threading.Event()

    class Hanging:
        def check(self, text: SentText) -> str | Refusal:
            goes_on.wait()
            return text.body

    plugin: ParserPlugin = Hanging()
    hanging = Filter("hanging", plugin)
    for _ in range(FAILURES_IN_A_ROW):
        assert bodies(hanging.apply(say("hello"))) == ["hello"]
    assert put_out == {"hanging": "it took longer than 0.0 s"}
    goes_on.set()
