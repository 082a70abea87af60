"""The function here stores notices about posts, circles and telephone numbers in the outbox (messages to send)."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from foundation.cells.directory import PlatformStore
from im.data import journal, presence_store
from im.rules.messages import Data, Notice
from im.rules.vocabulary import Cmd


def stage_notice(
    store: PlatformStore, cmd: Cmd, data: Data, users: Collection[str], now: datetime
) -> None:
    """Store in the outbox a notice of kind `cmd` for those of these people who are online, over their protocols.

    Must run inside a transaction; the notice is sent after the commit.
    """
    people = tuple(dict.fromkeys(users))
    protocols = presence_store.protocols_of_online(people, now.timestamp())
    notice = Notice(cmd, data, people, together=True)
    journal.stage_publications(store, [], protocols, now, [notice])
