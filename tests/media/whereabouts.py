"""The stand-in for the question of the join page where the conference is."""

from __future__ import annotations

from typing import Any

from conferences.data.join_info import JoinInfo, PersonPresent
from foundation.bus.typed_json import read_as
from wire.arrangement import Arrangement
from wire.fields import Join

BACKUP = "https://west.example"
JOIN = {"webrtc": {"url": "ws://x/", "audioroom": "a", "videoroom": "a", "pin": "p", "token": "t"}}


class Whereabouts:
    """The stand-in for `conferences.data.join_info.join_info`: one conference, or none."""

    def __init__(self, e164: str = "8800001", password: str = "") -> None:
        self.e164, self.password = e164, password
        self.state = "running"
        self.elsewhere = ""
        """A platform that another site serves."""
        self.is_call = False
        self.arrangement = Arrangement()
        self.join: dict[str, Any] | None = None
        self.platform, self.user_domain = "east", "tenant"
        self.present: frozenset[str] = frozenset()
        """The visitors whom the media unit has reported as being in it."""

    def note_present(self, mts: list[dict[str, Any]]) -> None:
        """Note who is there, as the platform does with each report of the unit."""
        self.present = frozenset(
            row["visitor"] for row in mts if row.get("online") and row.get("visitor")
        )

    def __call__(self, e164: str) -> JoinInfo | None:
        if e164 != self.e164 or self.state == "ended":
            return None
        join = self.join if self.state == "running" else None
        about = ("c1", e164, "Weekly Board", self.state, self.password, self.user_domain)
        return JoinInfo(
            *about,
            read_as(Join, join) if join else None,
            self.platform,
            is_call=self.is_call,
            creator_moid="anna",
            arrangement=self.arrangement,
            people=tuple(PersonPresent(visitor, "", None) for visitor in self.present),
        )
