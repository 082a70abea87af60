"""Through these hooks apps above `im` take part in what clients send, and in what people are shown.

`database` is the alias of the database that holds the platform's data; people are named by their ids.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from foundation.hooks import Hook, SingleHook
from im.rules.messages import CallSignal

if TYPE_CHECKING:
    from im.data.people import Person

CALL_SIGNAL: SingleHook[[str, CallSignal, datetime], str] = SingleHook()
"""`(sender, signal, now)`: let a person's sign about a call take effect; return "" or why it is refused, in words.

The receiver commits by itself, and must not raise but for errors of the database."""

FILE_READERS: Hook[[str, str, Collection[UUID]], Collection[UUID]] = Hook()
"""`(database, person, files)`: return those of these files that the person may read for a reason of the receiver's."""

MAY_FIND: Hook[[str, Person, Person], bool] = Hook()
"""`(database, me, other)`: return whether the other person lets me find them. One receiver's "no" decides."""

PRESENCE_HIDDEN: Hook[[str, Collection[str], str], Collection[tuple[str, str]]] = Hook()
"""`(database, people, viewer)`: return pairs (person, viewer) of viewers to whom a person's presence is not shown.

An empty `viewer` asks for all viewers."""
