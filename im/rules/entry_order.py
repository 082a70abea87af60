"""A client takes the entries of a conversation's log in their order, and lacks none (docs/howto/write-a-chat-client.md).

`last` is the seq up to which no entry is missing. It moves to n only when all entries up to n have
come. An entry from further on waits; one that has come before is dropped.
"""

from __future__ import annotations

from collections.abc import Iterable

from im.rules.messages import Data


class EntryOrder:
    """The order of one conversation's entries, which are pushed or fetched in the form `{"cmd", "data"}`."""

    def __init__(self) -> None:
        self.last = 0
        self._ahead: dict[int, Data] = {}
        """Seq -> entry that waits for a missing one before it."""

    def begin(self, from_seq: int) -> list[Data]:
        """Start the log after `from_seq`, and return the entries that can be shown now.

        The person sees nothing before it, so entries missing there are no gap.
        """
        self.last = max(self.last, from_seq)
        return self._release()

    def add(self, entry: Data) -> list[Data]:
        """Add an entry, pushed or fetched, and return the entries that can be shown now, in order."""
        seq = entry["data"]["seq"]
        if seq > self.last:
            self._ahead.setdefault(seq, entry)
        return self._release()

    def add_page(self, from_seq: int, to_seq: int, entries: Iterable[Data]) -> list[Data]:
        """Add a fetched page of entries, and return the entries that can be shown now.

        The page holds everything that the person sees of `from_seq` < seq <= `to_seq`.
        """
        released = self.begin(from_seq)
        for entry in entries:
            released += self.add(entry)
        return released + self.begin(to_seq)

    @property
    def has_gap(self) -> bool:
        """Return whether an entry waits for missing ones, which follow `last` and must be fetched."""
        return bool(self._ahead)

    def _release(self) -> list[Data]:
        """Move `last` over the entries that wait without a gap, and return them in order."""
        self._ahead = {seq: entry for seq, entry in self._ahead.items() if seq > self.last}
        released = []
        while entry := self._ahead.pop(self.last + 1, None):
            self.last += 1
            released.append(entry)
        return released
