"""The bridge listens to clients that have signed in, and to nobody else."""

from __future__ import annotations

import socket
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from xml.etree.ElementTree import Element

import pytest

from deploy.ejabberd import ask_bridge
from im.api.xmpp.bridge import Bridge, BridgeSettings
from im.api.xmpp.person import Person, Session
from im.api.xmpp.worker import PersonWorker
from im.rules.xmpp import stanzas
from im.rules.xmpp.addresses import Domain, Jid
from tests.unit.im.xmpp.trees import read

DORA = "dora@chat.example/phone"


def stanza(sender: str, to: str, kind: str = "", name: str = "message") -> Element:
    """Return a stanza as ejabberd hands it to a component."""
    of_kind = f'type="{kind}"' if kind else ""
    return read(f'<{name} xmlns="{stanzas.STREAM}" from="{sender}" to="{to}" {of_kind}/>')


@pytest.fixture
async def bridge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Bridge, list[Element]]:
    """Return a bridge without streams, and what it sends."""
    place = ("127.0.0.1", 1, "secret", tmp_path / "socket", "http://127.0.0.1")
    bridge, sent = Bridge(BridgeSettings("chat.example", *place)), list[Element]()
    monkeypatch.setattr(bridge, "_send", sent.append)
    return bridge, sent


def take(bridge: Bridge, node: Element) -> None:
    """Let the bridge take a stanza."""
    bridge._on_stanza(cast(Any, SimpleNamespace(xml=node)))


@pytest.mark.parametrize(
    "sender",
    ["x@other.example/a", "component.chat.example", "chat.example", "dora@chat.example", "a@b"],
)
async def test_a_stanza_that_is_not_a_sessions_is_dropped(
    bridge: tuple[Bridge, list[Element]], sender: str
) -> None:
    take(bridge[0], stanza(sender, "emil@bridge.chat.example"))
    assert bridge[1] == []


async def test_a_session_of_which_the_bridge_knows_no_sign_in_is_ended(
    bridge: tuple[Bridge, list[Element]],
) -> None:
    take(bridge[0], stanza(DORA, "emil@bridge.chat.example"))
    [request] = bridge[1]
    end = stanzas.child(request, stanzas.SESSION, "end")
    assert end is not None
    assert (end.get("user"), end.get("resource")) == ("dora", "phone")


def test_leaving_a_room_does_not_bring_an_ended_session_back() -> None:
    link: Any = SimpleNamespace(user="d-1")
    person = Person(Domain("chat.example"), "http://127.0.0.1", link, lambda _: None)
    other = Jid("dora", "chat.example", "desk")
    person.sessions[str(other)] = Session(other)
    worker = PersonWorker.__new__(PersonWorker)
    worker.person = person
    left = stanza(DORA, "7@groups.chat.example/Dora", "unavailable", "presence")
    worker.enqueue_stanza(Jid("dora", "chat.example", "phone"), left)
    assert list(person.sessions) == [str(other)]


@pytest.mark.parametrize(
    ("question", "line", "answer", "allowed"),
    [
        ("auth:dora:chat.example:a:b", b'{"name": "dora", "password": "a:b"}\n', b"1\n", True),
        ("auth:dora:chat.example:", b'{"name": "dora", "password": ""}\n', b"0\n", False),
    ],
)
def test_ejabberd_asks_the_bridge_who_may_sign_in(
    tmp_path: Path, question: str, line: bytes, answer: bytes, allowed: bool
) -> None:
    path = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        asked: list[bytes] = []

        def serve() -> None:
            link, _ = server.accept()
            with link:
                asked.append(link.makefile("rb").readline())
                link.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        assert ask_bridge.may_sign_in(str(path), question) is allowed
        thread.join(10)
    assert asked == [line]


@pytest.mark.parametrize("question", ["isuser:dora:x", "setpass:dora:x:y", "", "auth:dora:x:y"])
def test_without_the_bridge_and_for_other_questions_the_answer_is_no(
    tmp_path: Path, question: str
) -> None:
    assert not ask_bridge.may_sign_in(str(tmp_path / "none"), question)
