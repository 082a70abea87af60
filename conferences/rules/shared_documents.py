"""Define the rules of what people in a call write together: the shared notes and the whiteboard. Pure."""

from __future__ import annotations

from enum import StrEnum


class Kind(StrEnum):
    """A conference has one document of each kind. The value is also the name of the root type in the Yjs document."""

    NOTES = "notes"
    BOARD = "board"


MAX_UPDATE = 64 * 1024
"""Bytes of one update that a page sends."""
MAX_DOCUMENT = 2 * 1024 * 1024
"""Bytes of all stored updates of a document together."""
COMPACT_AFTER = 200
"""After so many updates they are replaced by one, so that who comes later has little to read."""


class DocumentRefused(Exception):
    """A request about a shared document is refused.

    `why` is the word for which the page has a text, `detail` a sentence for engineers that names the field of the form.
    """

    def __init__(self, why: str, detail: str = "") -> None:
        """Take the word, and the sentence."""
        super().__init__(detail or why)
        self.why = why
        self.detail = detail


def may_write(*, is_read_only: bool, may_direct: bool) -> bool:
    """Return whether somebody in the call may write into a document.

    Everybody may. While it is read-only (`is_read_only`), only who may make it so (`may_direct`).
    """
    return may_direct or not is_read_only
