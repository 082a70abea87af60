"""Reports of media units are taken over in order, and before the answer to the control request that caused it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from conferences.rules.states import Conference, Unit
from foundation.bus.message import Message
from tests.simulation.broken import Broken
from wire.conference_control import ControlAnswered
from wire.media_unit import UnitReportsChange

_REPORTED = ("name", "password", "chairman", "speaker", "settings")
"""Fields that a unit reports; its list may change the members besides."""


@dataclass(slots=True)
class UnitReports:
    """This keeps what all media units have reported of their conferences."""

    reported: dict[tuple[Unit, str, int, int], UnitReportsChange] = field(default_factory=dict)
    """Unit, number, incarnation and `seq` -> the report."""
    changed_by: dict[str, UnitReportsChange] = field(default_factory=dict)
    """Id of a control request that a unit has carried out -> its first report of what that has changed."""

    def note(self, unit: Unit, message: Message) -> None:
        """Remember what a unit reports, by itself or with its answer to a control request."""
        if isinstance(message, UnitReportsChange):
            self.reported[(unit, message.e164, message.incarnation, message.seq or 0)] = message
        elif isinstance(message, ControlAnswered) and (change := message.change):
            self.changed_by.setdefault(message.reqid or "", change)

    def check_taken(self, c: Conference) -> None:
        """Check that a conference has the values of the latest report that was taken, not of an older one."""
        key = (c.unit or Unit(""), c.e164, c.incarnation, c.report_seq)
        if (report := self.reported.get(key)) is None:
            return
        if wrong := [name for name in _REPORTED if getattr(c, name) != getattr(report, name)]:
            raise Broken("reported", f"{c.e164} on {c.unit} has {wrong} of an older report")

    def check_answer(self, body: Mapping[str, Any], live: Mapping[str, Conference]) -> None:
        """Check that a manager who has the answer to a control request reads what that has changed."""
        if not (body["type"].startswith("MCU_CM_") and body["type"].endswith("_ACK")):
            return
        change, c = self.changed_by.get(body["reqid"]), live.get(body["confE164"])
        is_same = c is not None and change is not None and c.incarnation == change.incarnation
        if c and change and is_same and c.report_seq < (change.seq or 0):
            raise Broken("answered", f"{c.e164}: {body['type']} comes before its change")
