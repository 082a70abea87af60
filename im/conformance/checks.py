"""The checks exercise a site with a chat client; all of them pass over each protocol if the site works."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from im.conformance.connections import CONNECTIONS, ConnectionRefused
from im.conformance.device import Device
from im.conformance.person import Person

NO_CONVERSATION = "1"
"""No conversation has this id."""
TOO_LONG = "x" * 65536
FORGED = "WyJ4Il0:forged"


@dataclass
class Pair:
    """Two people who write to each other, each on a device that uses this protocol."""

    protocol: str
    ann: Person
    ben: Person
    conversation: str
    ann_device: Device
    ben_device: Device

    @classmethod
    def connect(cls, protocol: str, ann: Person, ben: Person) -> Pair:
        """Open the conversation of two people, and connect a device of each. Raises TimeoutError."""
        conversation = ann.direct(ben.id)
        pair = cls(
            protocol,
            ann,
            ben,
            conversation,
            Device(ann, protocol, heartbeat_seconds=2),
            Device(ben, protocol, heartbeat_seconds=2),
        )
        for device in (pair.ann_device, pair.ben_device):
            device.wait(lambda device=device: device.connected)  # type: ignore[misc]  # the default binds the device of this round
        return pair

    def disconnect(self) -> None:
        """Disconnect the devices of both people."""
        self.ann_device.close()
        self.ben_device.close()

    def send_text(self, text: str, client_msg_id: str = "") -> int:
        """Send a text from the device of `ann`; return its seq in the log once it is acknowledged."""
        client_msg_id = self.ann_device.text(self.conversation, text, client_msg_id)
        self.ann_device.wait(lambda: client_msg_id not in self.ann_device.waiting)
        assert client_msg_id in self.ann_device.answers.acked, self.ann_device.answers.refused.get(
            client_msg_id
        )
        return self.ann_device.answers.acked[client_msg_id][1]

    def send_for_code(self, cmd: str, conversation: str, routed_to: str = "", **data: Any) -> str:
        """Send a command from the device of `ann`; return the code of its refusal, or "accepted".

        `routed_to`: the conversation in the routing key, if it is not `conversation`.
        """
        client_msg_id = self.ann_device.send_command(cmd, conversation, routed_to=routed_to, **data)
        self.ann_device.wait(lambda: client_msg_id not in self.ann_device.waiting)
        return self.ann_device.answers.refused.get(client_msg_id, "accepted")

    def shown_seqs(self, device: Device) -> list[int]:
        """Return the seqs of this conversation that a device has shown, in the order of showing."""
        entries = [data["data"] for data in device.shown]
        return [data["seq"] for data in entries if data["conversation_id"] == self.conversation]


def sign_in(pair: Pair) -> None:
    """Check that the site refuses a device whose token is forged."""
    me = {**pair.ann.me, "token": FORGED}
    with suppress(ConnectionRefused):
        CONNECTIONS[pair.protocol](me, "forged", lambda _: None).close()
        raise AssertionError("a forged token was let in")


def send(pair: Pair) -> None:
    """Check that a message is acknowledged with its seq, and its repetition with the same seq."""
    first = pair.send_text("hello")
    again = pair.send_text("again", client_msg_id="once-" + pair.ann_device.name)
    assert again > first
    assert pair.send_text("again", client_msg_id="once-" + pair.ann_device.name) == again


def receive(pair: Pair) -> None:
    """Check that the other person receives the text, its sender and its place in the log."""
    text = f"to be heard over {pair.protocol}"
    seq = pair.send_text(text)
    pair.ben_device.wait(lambda: seq in pair.ben_device.logs[pair.conversation].entries)
    data = pair.ben_device.logs[pair.conversation].entries[seq]["data"]
    assert (data["body"], data["publisher_id"]) == (text, pair.ann.id)
    assert "token" not in json.dumps(data)


def refuse(pair: Pair) -> None:
    """Check that the site refuses wrong commands, each with the code that the protocol gives for it."""
    conversation, me = pair.conversation, pair.ann.id
    text = {"type": "text", "body": "x", "publisher_id": me}
    codes = {
        "not_sender": pair.send_for_code(
            "msg", conversation, **{**text, "publisher_id": pair.ben.id}
        ),
        "not_member": pair.send_for_code("msg", NO_CONVERSATION, **text),
        "bad_json": pair.send_for_code("msg", conversation, **{**text, "type": "song"}),
        "unknown_message": pair.send_for_code(
            "edit", conversation, msg_id=f"{conversation}.{10**9}", body="x"
        ),
        "unknown_cmd": pair.send_for_code("center_start", conversation),
        "too_large": pair.send_for_code("msg", conversation, **{**text, "body": TOO_LONG}),
    }
    if pair.protocol != "mqtt":  # MQTT has no routing keys
        codes["conversation_mismatch"] = pair.send_for_code(
            "msg", conversation, routed_to=NO_CONVERSATION, **text
        )
    assert all(answered_code == code for code, answered_code in codes.items()), codes


def offline(pair: Pair) -> None:
    """Check that a device that was offline gets every entry once, in order, when it connects again."""
    pair.ben_device.go_away()
    seqs = [pair.send_text(f"while you were away {n}") for n in range(3)]
    pair.ben_device.come_back()
    pair.ben_device.wait(lambda: pair.ben_device.logs[pair.conversation].last >= seqs[-1])
    _check_shown_once(pair)


def reconnect(pair: Pair) -> None:
    """Check that a device reconnects by itself after a broken network, and gets everything once."""
    assert pair.ben_device.connection is not None
    connections_before = pair.ben_device.connected
    pair.ben_device.connection.cut()
    seqs = [pair.send_text(f"while nobody knew {n}") for n in range(3)]
    pair.ben_device.wait(lambda: pair.ben_device.connected > connections_before)
    pair.ben_device.wait(lambda: pair.ben_device.logs[pair.conversation].last >= seqs[-1])
    _check_shown_once(pair)


def _check_shown_once(pair: Pair) -> None:
    """Check that each device has shown every entry once, in order and without a gap."""
    for device in (pair.ann_device, pair.ben_device):
        seqs = pair.shown_seqs(device)
        assert seqs == sorted(set(seqs)), f"{device.person.name}: {seqs}"
        assert seqs == [*range(seqs[0], seqs[-1] + 1)], f"{device.person.name}: a hole in {seqs}"


CHECKS: tuple[Callable[[Pair], None], ...] = (sign_in, send, receive, refuse, offline, reconnect)
"""The checks are in the order in which a client is built."""
