"""What a client has to be able to do, one check for each, over any of the protocols."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from im.conformance.device import Device
from im.conformance.person import Person
from im.conformance.wires import WIRES, NotIn

NOBODYS = "1"
"""No conversation has this id."""
TOO_LONG = "x" * 65536
FORGED = "WyJ4Il0:forged"


@dataclass
class Two:
    """Two people who talk, each on a device of this protocol."""

    way: str
    ann: Person
    ben: Person
    conversation: str
    here: Device
    there: Device

    @classmethod
    def meet(cls, way: str, ann: Person, ben: Person) -> Two:
        """Both come in. Raises TimeoutError."""
        talk = ann.direct(ben.id)
        found = cls(way, ann, ben, talk, Device(ann, way, beat=2), Device(ben, way, beat=2))
        for one in (found.here, found.there):
            one.wait(lambda one=one: one.connected)  # type: ignore[misc]
        return found

    def part(self) -> None:
        """Both go."""
        self.here.close()
        self.there.close()

    def said(self, words: str, mark: str = "") -> int:
        """Ann writes; its seq, once it is acknowledged."""
        mark = self.here.text(self.conversation, words, mark)
        self.here.wait(lambda: mark not in self.here.waiting)
        assert mark in self.here.told.acked, self.here.told.refused.get(mark)
        return self.here.told.acked[mark][1]

    def code(self, cmd: str, conversation: str, under: str = "", **data: Any) -> str:
        """Ann says what is refused; why it was."""
        mark = self.here.say(cmd, conversation, under=under, **data)
        self.here.wait(lambda: mark not in self.here.waiting)
        return self.here.told.refused.get(mark, "accepted")

    def shown(self, device: Device) -> list[int]:
        """The seqs that a device has shown of this conversation, in the order in which it did."""
        found = [one["data"] for one in device.shown]
        return [one["seq"] for one in found if one["conversation_id"] == self.conversation]


def sign_in(two: Two) -> None:
    """A token lets one in, and nothing else does."""
    me = {**two.ann.me, "token": FORGED}
    with suppress(NotIn):
        WIRES[two.way](me, "forged", lambda _: None).close()
        raise AssertionError("a forged token was let in")


def send(two: Two) -> None:
    """The acknowledgement says under which seq it is stored; the same again has the same."""
    first = two.said("hello")
    again = two.said("again", mark="once-" + two.here.name)
    assert again > first
    assert two.said("again", mark="once-" + two.here.name) == again


def receive(two: Two) -> None:
    """The other one has it, with the sender's words and its place."""
    words = f"to be heard over {two.way}"
    seq = two.said(words)
    two.there.wait(lambda: seq in two.there.logs[two.conversation].entries)
    data = two.there.logs[two.conversation].entries[seq]["data"]
    assert (data["body"], data["publisher_id"]) == (words, two.ann.id)
    assert "token" not in json.dumps(data)


def refuse(two: Two) -> None:
    """Refused is said to the sender, with a code, and nobody else hears of it."""
    talk, me = two.conversation, two.ann.id
    text = {"type": "text", "body": "x", "publisher_id": me}
    found = {
        "not_sender": two.code("msg", talk, **{**text, "publisher_id": two.ben.id}),
        "not_member": two.code("msg", NOBODYS, **text),
        "bad_json": two.code("msg", talk, **{**text, "type": "song"}),
        "unknown_message": two.code("edit", talk, msg_id=f"{talk}.{10**9}", body="x"),
        "unknown_cmd": two.code("center_start", talk),
    }
    if two.way != "mqtt":  # which knows no keys
        found["conversation_mismatch"] = two.code("msg", talk, under=NOBODYS, **text)
    assert all(said == code for code, said in found.items()), found
    # Nothing of what is longer than 64 KiB is read, so the refusal names no client_msg_id.
    long = two.here.say("msg", talk, **{**text, "body": TOO_LONG})
    two.here.wait(lambda: two.here.told.refused.get("") == "too_large")
    two.here.waiting.pop(long, None)


def offline(two: Two) -> None:
    """Who was away has everything once, in order."""
    two.there.go_away()
    seqs = [two.said(f"while you were away {n}") for n in range(3)]
    two.there.come_back()
    two.there.wait(lambda: two.there.logs[two.conversation].last >= seqs[-1])
    _once(two)


def reconnect(two: Two) -> None:
    """The network breaks: the device comes back by itself, and has everything once."""
    assert two.there.wire is not None
    times = two.there.connected
    two.there.wire.cut()
    seqs = [two.said(f"while nobody knew {n}") for n in range(3)]
    two.there.wait(lambda: two.there.connected > times)
    two.there.wait(lambda: two.there.logs[two.conversation].last >= seqs[-1])
    _once(two)


def _once(two: Two) -> None:
    for device in (two.here, two.there):
        seqs = two.shown(device)
        assert seqs == sorted(set(seqs)), f"{device.person.name}: {seqs}"
        assert seqs == [*range(seqs[0], seqs[-1] + 1)], f"{device.person.name}: a hole in {seqs}"


CHECKS: tuple[Callable[[Two], None], ...] = (sign_in, send, receive, refuse, offline, reconnect)
"""In the order in which a client is built."""
