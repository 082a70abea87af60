"""A cell agent is asked what it does; all is well but for what is said."""

from __future__ import annotations

from typing import Any

from failover.rules.cell_decisions import decide
from failover.rules.cell_facts import Database, Facts, Limits, RegisterRow, Step

NOW = 1000.0
LIMITS = Limits()
COPY = Database(
    alive=True, answers=True, follows=True, receiving=True, applying=True, complete=True
)
OWNER = Database(
    alive=True,
    answers=True,
    read_only=False,
    semi=True,
    attached=True,
    declared=("east", 5),
)


def row(**more: Any) -> RegisterRow:
    """Return East's platform, protected, at home."""
    usual: dict[str, Any] = {"epoch": 5, "owner": "east", "solo": False}
    return RegisterRow(platform="east", home="east", backup="west", **{**usual, **more})


def at(me: str, own: Database, seen: RegisterRow | None = None, **more: Any) -> Step:
    """What the agent of a site does; all is well but for what is said."""
    seen = row() if seen is None else seen
    usual: dict[str, Any] = dict.fromkeys(("answered_at", "heard_at", "acked_at"), NOW)
    usual |= {"row": seen, "last": seen, "caught_up": True, "other_well": True}
    return decide(Facts(me=me, own=own, **{**usual, **more}), LIMITS, NOW)
