"""The other parties, played from the specification: a manager, media units, an asker of the RMS.

Nothing here is taken from the code under test; names and fields are those of the wire.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from tests.wire.line import PATIENCE, Body, Ear, Line, ReceivedMessage, Tap

TENANT = "10000000-0000-4000-8000-000000000001"
"""The demonstration tenant."""

TO_CSS = ("MAU.CMMAU.EX", "MAU.CMMAU.K")
TO_UNIT = ("mau.cmmcu.ex", "cm.cmmcu.key")
FROM_UNIT = ("mau.cmumau.ex", "mau.cmumau.k")
TO_CM = ("MEETING.CSS.EX", "MEETING.CSS.K")
STATE_TO_CM = ("meeting.mccntf.ex", "meeting.mccntf.k")
TO_RMS = ("RMS.RES.EX", "RMS.RES.K")
NODE_TO_RMS = ("rms.node.ex", "rms.node.k")
TO_UPU = ("upu.conf.ex", "upu.conf.k")
TO_BMC = ("bmc.req.ex", "bmc.cdr.k")


ANSWERED_WITHIN = 15.0
"""Seconds in which every request of a manager has its answer, in every case."""


@dataclass(frozen=True, slots=True)
class SentRequest:
    """A request that was sent."""

    body: Body
    mark: str

    @property
    def reqid(self) -> Any:
        """Return the asker's own id of it."""
        return self.body.get("reqid")


class Manager(Tap):
    """A third party's conference manager: asks with `reply_to`, hears all notices on its own queue."""

    def __init__(self, line: Line, app_id: str = "cm") -> None:
        super().__init__(line, TO_CM, STATE_TO_CM)
        self.app_id = app_id

    def asks(self, wire_type: str, **fields: Any) -> SentRequest:
        """Send a request; `reqid=None` leaves it without one."""
        body = {"type": wire_type, "reqid": uuid.uuid4().hex, **fields}
        return self.sends({k: v for k, v in body.items() if v is not None})

    def sends(self, body: Body, **properties: Any) -> SentRequest:
        """Send a body as it is, with a fresh correlation id."""
        control = str(body.get("type", "")).startswith("CM_MCU_")
        request = SentRequest(body, properties.get("correlation_id") or uuid.uuid4().hex)
        usual = {"correlation_id": request.mark, "reply_to": self.queue, "app_id": self.app_id}
        self.line.say(*(TO_UNIT if control else TO_CSS), body, **(usual | properties))
        return request

    def answer(self, request: SentRequest, within: float = ANSWERED_WITHIN) -> ReceivedMessage:
        """Return the one answer to a request."""

        def there() -> ReceivedMessage | None:
            return next(iter(self.answers(request)), None)

        message = self.line.wait(there, within, lambda: f"an answer to {request.body}")
        self.heard.remove(message)
        return message

    def answers(self, request: SentRequest) -> list[ReceivedMessage]:
        """Return the messages that came with the correlation id of a request."""
        return [
            message for message in self.heard if message.properties.correlation_id == request.mark
        ]

    def ask(self, wire_type: str, **fields: Any) -> ReceivedMessage:
        """Send a request and wait for its answer."""
        return self.answer(self.asks(wire_type, **fields))

    def asks_to_create(self, **fields: Any) -> SentRequest:
        """Send a create request with what must be in it, unless told otherwise."""
        usual = {"moid": TENANT, "creator": {"moid": "a1", "name": "Anna"}, "confname": "Board"}
        return self.asks("CM_MAU_CREATECONF_REQ", **(usual | fields))

    def is_refused(self, errcode: str, request: SentRequest) -> ReceivedMessage:
        """Assert that the request gets its NACK with this code."""
        answer = self.answer(request)
        assert answer["type"].endswith("_NACK"), answer.body
        assert answer["errcode"] == errcode, answer.body
        return answer

    def lists(self, moid: str, **fields: Any) -> Body:
        """Return the list of a domain's conferences."""
        answer = self.ask("CM_MAU_GETCONFLIST_REQ", moid=moid, **fields)
        assert answer["type"] == "MAU_CM_GETCONFLIST_ACK", answer.body
        return answer.body

    def sees(self, number: str, state: str) -> Body:
        """Wait until the tenant's list shows a conference in this state."""

        def shown() -> Body | None:
            confs = self.lists(TENANT)["confs"]
            return next((c for c in confs if (c["confE164"], c["state"]) == (number, state)), None)

        return self.line.wait(shown, PATIENCE, lambda: f"{number} {state}")

    def release(self, number: str) -> ReceivedMessage:
        """End a conference."""
        return self.ask("CM_MAU_RELEASECONF_REQ", confE164=number)


class MediaUnit(Ear):
    """A media unit that does what the test says; its heart beats by itself until it falls silent."""

    def __init__(self, line: Line, ip: str, pid: str = "", **plate: Any) -> None:
        super().__init__(line)
        self.ip, self.pid = ip, pid
        self.me: Body = {"ip": ip, "pid": pid} if pid else {"ip": ip}
        self.plate: Body = {
            "restype": "mcu",
            "capacity": {"confs": 20, "ports": 400, "hd": 20},
            "load": {"confs": 0, "ports": 0, "hd": 0},
            **plate,
        }
        self._seq = 0
        name = f"{ip}:{pid}" if pid else ip
        self.queue = f"cmu.conf.q:{name}"
        line.units_queue(self.queue, f"cmu.conf.k:{name}")
        self._tag = line.listen(self.queue, self.heard)

    # ---- towards the RMS ------------------------------------------------------------------------

    def registers(self, wire_type: str = "RMS_NODE_REGISTER_NTF") -> None:
        """Say that it is there, and go on saying so."""
        self._tells_rms(wire_type)
        self.line.start_heart(self.beats)

    def beats(self) -> None:
        """Send one heartbeat."""
        self._seq += 1
        self._tells_rms("RMS_NODE_STATE_NTF")

    def _tells_rms(self, wire_type: str) -> None:
        body = {"type": wire_type, **self.me, **self.plate, "seq": self._seq}
        self.line.say(*NODE_TO_RMS, body, app_id=f"cmu@{self.ip}")

    def falls_silent(self) -> None:
        """Stop the heartbeats."""
        self.line.stop_heart(self.beats)

    def unregisters(self) -> None:
        """Say that it goes."""
        self.falls_silent()
        body = {"type": "RMS_NODE_UNREGISTER_NTF", "restype": self.plate["restype"], **self.me}
        self.line.say(*NODE_TO_RMS, body, app_id=f"cmu@{self.ip}")

    def leaves(self) -> None:
        """Unregister, and delete the unit's queue."""
        self.unregisters()
        self.line.forget(self._tag, self.queue)

    # ---- towards the CSS ------------------------------------------------------------------------

    def says(self, wire_type: str, *, named: bool = True, **fields: Any) -> None:
        """Tell the CSS something; `named=False` leaves ip and pid out of the body."""
        body = {"type": wire_type, **fields, **(self.me if named else {})}
        self.sends(body)

    def sends(self, body: Body, **properties: Any) -> None:
        """Send a body as it is."""
        self.line.say(*FROM_UNIT, body, **({"app_id": f"cmu@{self.ip}"} | properties))

    def join(self, number: str) -> Body:
        """Return the fields that a client needs to enter a conference here."""
        return {"webrtc": {"url": f"wss://{self.ip}/", "pin": "7"}, "x-unit": self.ip, "n": number}

    def takes(self, within: float = PATIENCE, **fields: Any) -> ReceivedMessage:
        """Hear a create command and accept it."""
        order = self.hears("MAU_MCU_CREATECONF_REQ", within, **fields)
        self.accepts(order)
        return order

    def takes_again(self, within: float = PATIENCE, **fields: Any) -> ReceivedMessage:
        """Hear a restore command and accept it."""
        order = self.hears("MAU_CMU_RESTORECONF_REQ", within, **fields)
        self.accepts(order)
        return order

    def accepts(self, order: ReceivedMessage, **fields: Any) -> None:
        """ACK a create or restore command."""
        self._replies(order, "ACK", join=self.join(order["confE164"]), **fields)

    def refuses(self, order: ReceivedMessage, **fields: Any) -> None:
        """NACK a create or restore command."""
        self._replies(order, "NACK", errcode="29015", **fields)

    def _replies(self, order: ReceivedMessage, kind: str, **fields: Any) -> None:
        create = order["type"] == "MAU_MCU_CREATECONF_REQ"
        wire_type = f"{'MCU_MAU_CREATECONF' if create else 'CMU_MAU_RESTORECONF'}_{kind}"
        same = {name: order[name] for name in ("confE164", "incarnation")}
        body = {"type": wire_type, **same, **self.me, **fields}
        self.sends(
            {k: v for k, v in body.items() if v is not None},
            correlation_id=order.properties.correlation_id,
        )

    def lists(self, *confs: Body, **fields: Any) -> None:
        """Tell all that it holds."""
        body = {"type": "CMU_MAU_CONFLIST_NTF", **self.me, "confs": list(confs), **fields}
        self.sends(body)

    def drops(self, number: str, incarnation: int, within: float = PATIENCE) -> ReceivedMessage:
        """Wait until the unit is told to drop a conference, up to this incarnation."""
        return self.hears(
            "MAU_MCU_RELEASECONF_CMD", within, confE164=number, incarnation=incarnation
        )


class Asker(Tap):
    """An asker is another module that asks the RMS."""

    def __init__(self, line: Line) -> None:
        super().__init__(line)

    def asks(self, **fields: Any) -> str:
        """Ask for resources; the mark of the answer."""
        body = {"type": "GET_RES_REQ", "moid": TENANT, "res": ["mcu"], **fields}
        return self.sends({k: v for k, v in body.items() if v is not None})

    def sends(self, body: Body | bytes, **properties: Any) -> str:
        """Send a body as it is."""
        mark = uuid.uuid4().hex
        usual = {"correlation_id": mark, "reply_to": self.queue, "app_id": "asker"}
        self.line.say(*TO_RMS, body, **(usual | properties))
        return mark

    def answer(self, mark: str, within: float = PATIENCE) -> ReceivedMessage:
        """The answer to what was asked."""

        def there() -> ReceivedMessage | None:
            return next((h for h in self.heard if h.properties.correlation_id == mark), None)

        message = self.line.wait(there, within, lambda: "an answer of the RMS")
        self.heard.remove(message)
        return message

    def ask(self, **fields: Any) -> ReceivedMessage:
        """Ask and wait."""
        return self.answer(self.asks(**fields))


class OtherRms(Tap):
    """The other RMS is a third party's resource pool in the place of ours; it answers as the test says."""

    def __init__(self, line: Line) -> None:
        line.bind("RMS.RES.Q", *TO_RMS, on=False)
        super().__init__(line, TO_RMS)

    def leave(self) -> None:
        """Let our own RMS answer again."""
        super().leave()
        self.line.bind("RMS.RES.Q", *TO_RMS, on=True)

    def is_asked(self, **fields: Any) -> ReceivedMessage:
        """Return a question."""
        return self.hears("GET_RES_REQ", **fields)

    def answers(self, question: ReceivedMessage, wire_type: str, **fields: Any) -> None:
        """Answer it on the default exchange, as a role does that is asked."""
        properties = question.properties
        self.line.say(
            "",
            properties.reply_to,
            {"type": wire_type, **fields},
            correlation_id=properties.correlation_id,
            app_id="rms",
        )

    def grants(self, question: ReceivedMessage, unit: MediaUnit, **fields: Any) -> None:
        """Give it this unit."""
        self.answers(question, "GET_RES_ACK", mcu=dict(unit.me), **fields)
