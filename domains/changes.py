"""What is changed at the core is noted for the platforms concerned (ARCH §3.5, MODB)."""

from __future__ import annotations

from typing import Literal

Kind = Literal["domain", "account"]
Op = Literal["add", "mod", "del"]


def note(database: str, kind: Kind, moid: str, op: Op) -> None:
    """In the transaction of a change: tell those whom it concerns."""
