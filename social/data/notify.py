"""Notices about moments, circles and numbers are staged in the outbox, in the transaction that causes them."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from foundation.cells.directory import PlatformStore
from im.data import journal, presence_store
from im.rules.messages import Data, Notice
from im.rules.vocabulary import Cmd


def send(store: PlatformStore, cmd: Cmd, data: Data, users: Collection[str], now: datetime) -> None:
    """Stage one notice for those of these people who are online, over the protocols that they use.

    Must run inside a transaction; it is sent once that has committed.
    """
    people = tuple(dict.fromkeys(users))
    ways = presence_store.protocols_of_online(people, now.timestamp())
    note = Notice(cmd, data, people, together=True)
    journal.stage_publications(store, [], ways, now, [note])
