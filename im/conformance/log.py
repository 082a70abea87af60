"""What a device has of a conversation: the one rule by which nothing is missed and nothing shown twice.

`last` is the greatest seq below which nothing is missing. It moves to n only when everything up to n is
there; what comes from further on waits; what has come before is dropped.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

Entry = dict[str, Any]
"""`{"cmd", "data"}` with a `seq` in its data: as pushed, and as fetched."""


class Log:
    """One conversation's entries, in order."""

    def __init__(self) -> None:
        self.last = 0
        self.entries: dict[int, Entry] = {}
        self._ahead: dict[int, Entry] = {}

    def begin(self, from_seq: int) -> list[Entry]:
        """One sees what comes after `from_seq`, and what is missing before it is no hole: what can be shown
        now, since it only waited for that."""
        self.last = max(self.last, from_seq)
        return self._release()

    def take(self, entry: Entry) -> list[Entry]:
        """An entry has come, no matter how: what can be shown now, in order."""
        seq = entry["data"]["seq"]
        if seq > self.last:
            self._ahead.setdefault(seq, entry)
        return self._release()

    def page(self, from_seq: int, to_seq: int, entries: Iterable[Entry]) -> list[Entry]:
        """A page was fetched: it has all that one sees of `from_seq` < seq <= `to_seq`."""
        shown = self.begin(from_seq)
        for entry in entries:
            shown += self.take(entry)
        return shown + self.begin(to_seq)

    @property
    def has_hole(self) -> bool:
        """Does something wait for what is missing before it? Then fetch what comes after `last`."""
        return bool(self._ahead)

    def _release(self) -> list[Entry]:
        self._ahead = {seq: one for seq, one in self._ahead.items() if seq > self.last}
        shown = []
        while entry := self._ahead.pop(self.last + 1, None):
            self.last += 1
            self.entries[self.last] = entry
            shown.append(entry)
        return shown


class Picture:
    """What a person sees of a log: its messages as they are now. Feed it entries in their order."""

    def __init__(self) -> None:
        self.messages: dict[int, dict[str, Any]] = {}
        self.read: dict[str, int] = {}

    def show(self, entry: Entry) -> None:
        """One more entry. A message that was fetched later than it was changed comes as it is now: only
        what changed it after that counts."""
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
    def _message(data: dict[str, Any]) -> dict[str, Any]:
        return {
            "by": data["publisher_id"],
            "text": data["body"],
            "edited": data.get("edited_seq", 0),
            "gone": "recalled_seq" in data,
            "signs": set(),
        }

    @staticmethod
    def _change(message: dict[str, Any], cmd: str, data: dict[str, Any]) -> None:
        if cmd == "recall":
            message |= {"text": "", "gone": True}
        elif cmd == "edit" and data["seq"] > message["edited"] and not message["gone"]:
            message |= {"text": data["body"], "edited": data["seq"]}
        elif cmd == "react":
            sign = (data["publisher_id"], data["emoji"])
            (message["signs"].add if data["on"] else message["signs"].discard)(sign)
