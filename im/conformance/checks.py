"""The checks try a site with a chat client: each passes if the site works, over any of the protocols."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from im.conformance.device import Device
from im.conformance.person import Person
from im.conformance.wires import WIRES, ConnectionRefused

NO_CONVERSATION = "1"
"""No conversation has this id."""
TOO_LONG = "x" * 65536
FORGED = "WyJ4Il0:forged"


@dataclass
class Pair:
    """Two people who write to each other, each on a device of this protocol."""

    way: str
    ann: Person
    ben: Person
    conversation: str
    ann_device: Device
    ben_device: Device

    @classmethod
    def meet(cls, way: str, ann: Person, ben: Person) -> Pair:
        """Connect the devices of both people. Raises TimeoutError."""
        talk = ann.direct(ben.id)
        pair = cls(way, ann, ben, talk, Device(ann, way, beat=2), Device(ben, way, beat=2))
        for device in (pair.ann_device, pair.ben_device):
            device.wait(lambda device=device: device.connected)  # type: ignore[misc]  # the default binds the device of this round
        return pair

    def part(self) -> None:
        """Disconnect the devices of both people."""
        self.ann_device.close()
        self.ben_device.close()

    def send_text(self, words: str, client_msg_id: str = "") -> int:
        """Send a text from Ann's device; return its seq once it is acknowledged."""
        client_msg_id = self.ann_device.text(self.conversation, words, client_msg_id)
        self.ann_device.wait(lambda: client_msg_id not in self.ann_device.waiting)
        assert client_msg_id in self.ann_device.told.acked, self.ann_device.told.refused.get(
            client_msg_id
        )
        return self.ann_device.told.acked[client_msg_id][1]

    def send_for_code(self, cmd: str, conversation: str, under: str = "", **data: Any) -> str:
        """Send a command from Ann's device; return the code of its refusal, or "accepted".

        `under` is the conversation in the routing key, if it is not `conversation`.
        """
        client_msg_id = self.ann_device.say(cmd, conversation, under=under, **data)
        self.ann_device.wait(lambda: client_msg_id not in self.ann_device.waiting)
        return self.ann_device.told.refused.get(client_msg_id, "accepted")

    def shown(self, device: Device) -> list[int]:
        """Return the seqs of this conversation that a device has shown, in the order of showing."""
        entries = [data["data"] for data in device.shown]
        return [data["seq"] for data in entries if data["conversation_id"] == self.conversation]


def sign_in(two: Pair) -> None:
    """Check that the site refuses a device whose token is forged."""
    me = {**two.ann.me, "token": FORGED}
    with suppress(ConnectionRefused):
        WIRES[two.way](me, "forged", lambda _: None).close()
        raise AssertionError("a forged token was let in")


def send(two: Pair) -> None:
    """Check that a message is acknowledged with its seq, and its repetition with the same seq."""
    first = two.send_text("hello")
    again = two.send_text("again", client_msg_id="once-" + two.ann_device.name)
    assert again > first
    assert two.send_text("again", client_msg_id="once-" + two.ann_device.name) == again


def receive(two: Pair) -> None:
    """Check that the other person receives the text, its sender and its place in the log."""
    words = f"to be heard over {two.way}"
    seq = two.send_text(words)
    two.ben_device.wait(lambda: seq in two.ben_device.logs[two.conversation].entries)
    data = two.ben_device.logs[two.conversation].entries[seq]["data"]
    assert (data["body"], data["publisher_id"]) == (words, two.ann.id)
    assert "token" not in json.dumps(data)


def refuse(two: Pair) -> None:
    """Check that the site refuses wrong commands, each with the code that the protocol gives for it."""
    talk, me = two.conversation, two.ann.id
    text = {"type": "text", "body": "x", "publisher_id": me}
    codes = {
        "not_sender": two.send_for_code("msg", talk, **{**text, "publisher_id": two.ben.id}),
        "not_member": two.send_for_code("msg", NO_CONVERSATION, **text),
        "bad_json": two.send_for_code("msg", talk, **{**text, "type": "song"}),
        "unknown_message": two.send_for_code("edit", talk, msg_id=f"{talk}.{10**9}", body="x"),
        "unknown_cmd": two.send_for_code("center_start", talk),
        "too_large": two.send_for_code("msg", talk, **{**text, "body": TOO_LONG}),
    }
    if two.way != "mqtt":  # MQTT has no routing keys
        codes["conversation_mismatch"] = two.send_for_code(
            "msg", talk, under=NO_CONVERSATION, **text
        )
    assert all(answered_code == code for code, answered_code in codes.items()), codes


def offline(two: Pair) -> None:
    """Check that a device that was offline gets every entry once, in order, when it connects again."""
    two.ben_device.go_away()
    seqs = [two.send_text(f"while you were away {n}") for n in range(3)]
    two.ben_device.come_back()
    two.ben_device.wait(lambda: two.ben_device.logs[two.conversation].last >= seqs[-1])
    _check_shown_once(two)


def reconnect(two: Pair) -> None:
    """Check that a device reconnects by itself after a broken network, and gets everything once."""
    assert two.ben_device.wire is not None
    times = two.ben_device.connected
    two.ben_device.wire.cut()
    seqs = [two.send_text(f"while nobody knew {n}") for n in range(3)]
    two.ben_device.wait(lambda: two.ben_device.connected > times)
    two.ben_device.wait(lambda: two.ben_device.logs[two.conversation].last >= seqs[-1])
    _check_shown_once(two)


def _check_shown_once(two: Pair) -> None:
    """Check that each device has shown every entry once, in order and without a gap."""
    for device in (two.ann_device, two.ben_device):
        seqs = two.shown(device)
        assert seqs == sorted(set(seqs)), f"{device.person.name}: {seqs}"
        assert seqs == [*range(seqs[0], seqs[-1] + 1)], f"{device.person.name}: a hole in {seqs}"


CHECKS: tuple[Callable[[Pair], None], ...] = (sign_in, send, receive, refuse, offline, reconnect)
"""The checks are in the order in which a client is built."""
