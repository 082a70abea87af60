"""A device's copy of a conversation's log lacks no entry and shows none twice."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

Entry = dict[str, Any]
"""`{"cmd", "data"}` with a `seq` in its data, in the same form whether pushed or fetched."""


class EntryOrder:
    """A client takes a conversation's log entries in order, and lacks none (docs/howto/write-a-chat-client.md).

    `last` is the seq up to which no entry is missing. It moves to n only when all entries up to n have
    come. An entry from further on waits; one that has come before is dropped.
    """

    def __init__(self) -> None:
        """Begin before the log's first entry, whose number (seq) is 1."""
        self.last = 0
        self._ahead: dict[int, Entry] = {}
        """Seq -> entry that waits for a missing one before it."""

    def begin(self, from_seq: int) -> list[Entry]:
        """Start the log after `from_seq`, and return the entries that can be shown now.

        The person sees nothing before it, so entries missing there are no gap.
        """
        self.last = max(self.last, from_seq)
        return self._release()

    def add(self, entry: Entry) -> list[Entry]:
        """Add an entry, pushed or fetched, and return the entries that can be shown now, in order."""
        seq = entry["data"]["seq"]
        if seq > self.last:
            self._ahead.setdefault(seq, entry)
        return self._release()

    def add_page(self, from_seq: int, to_seq: int, entries: Iterable[Entry]) -> list[Entry]:
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

    def _release(self) -> list[Entry]:
        """Return the waiting entries that follow `last` without a gap, in order; the latest seq becomes `last`."""
        self._ahead = {seq: entry for seq, entry in self._ahead.items() if seq > self.last}
        released = []
        while entry := self._ahead.pop(self.last + 1, None):
            self.last += 1
            released.append(entry)
        return released


class DeviceLog(EntryOrder):
    """The entries of one conversation, in order; `entries` keeps all of them, for comparisons."""

    def __init__(self) -> None:
        """Begin without entries."""
        super().__init__()
        self.entries: dict[int, Entry] = {}
        """Seq -> entry, up to `last`."""

    def _release(self) -> list[Entry]:
        """Return the entries that can be shown now, in order, and keep them."""
        released = super()._release()
        self.entries |= {entry["data"]["seq"]: entry for entry in released}
        return released


class Picture:
    """A conversation as a person sees it: its messages, with all edits, recalls and reactions applied.

    Entries of the log are given to it in their order.
    """

    def __init__(self) -> None:
        """Begin without messages and read marks; `show` adds them from the entries of the log."""
        self.messages: dict[int, Entry] = {}
        """Seq -> the message as it looks now."""
        self.read: dict[str, int] = {}
        """User id -> the seq up to which this person has read."""

    def show(self, entry: Entry) -> None:
        """Apply one more entry of the log.

        A message that was fetched after it was changed comes in its current form, so only later
        changes count.
        """
        cmd, data = entry["cmd"], entry["data"]
        if data.get("hidden"):
            return
        if cmd == "msg":
            self.messages[data["seq"]] = self._message(data)
        elif cmd == "read":
            self.read[data["user_id"]] = data["read_seq"]
        elif cmd in ("edit", "recall", "react"):
            message = self.messages.get(int(data["msg_id"].partition(".")[2]))
            if message is not None:
                self._change(message, cmd, data)

    @staticmethod
    def _message(data: Entry) -> Entry:
        """Return a new message as this picture holds it."""
        return {
            "by": data["publisher_id"],
            "text": data["body"],
            "edited": data.get("edited_seq", 0),
            "gone": "recalled_seq" in data,
            "signs": set(),
        }

    @staticmethod
    def _change(message: Entry, cmd: str, data: Entry) -> None:
        """Apply a recall, an edit or a reaction to a message."""
        if cmd == "recall":
            message |= {"text": "", "gone": True}
        # Edits may arrive in another order than they were made; the latest counts.
        elif cmd == "edit" and data["seq"] > message["edited"] and not message["gone"]:
            message |= {"text": data["body"], "edited": data["seq"]}
        elif cmd == "react":
            sign = (data["publisher_id"], data["emoji"])
            (message["signs"].add if data["on"] else message["signs"].discard)(sign)
