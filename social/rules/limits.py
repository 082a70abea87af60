"""The limits of contacts, circles, posts (moments), address books and invitations, and their pure checks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

MAX_LABELS = 50
"""A person has at most this many labels."""
MAX_PICTURES = 9
"""A post (moment) carries at most this many pictures."""
MAX_TEXT = 5000
"""A post's text has at most this many characters."""
MAX_COMMENT = 1000
"""A comment has at most this many characters."""
MAX_COMMENTS = 5000
"""A post (moment) has at most this many comments."""
MAX_LISTED_LABELS = 20
"""A post (moment) names at most this many labels in each of its two lists."""
MAX_LISTED_PEOPLE = 2000
"""A post's list of people has at most this many."""
MAX_NAMED = 100
"""An audience is shown with at most this many names; beyond them only its size is shown."""
MAX_CIRCLES = 200
"""A person founds at most this many circles (groups with a wall of posts)."""
TIMELINE_PAGE = 20
WINDOW = timedelta(days=30)
"""A page of the timeline goes back at most this far from where it begins."""

FIRST_UPLOAD = 2000
"""On the first day at most this many telephone numbers are added to an address book."""
NEW_A_DAY = 200
"""On each later day at most this many new telephone numbers are added to an address book."""
MAX_BOOK = 10_000
"""An address book has at most this many telephone numbers."""
NEW_A_DAY_OF_TENANT = 100_000
"""All address books of a tenant together take at most this many new telephone numbers a day."""

INVITATIONS_A_DAY = 10
INVITATION_LIFE = timedelta(days=7)


class MomentKind(StrEnum):
    """The kind of a post (moment), by the files that it carries."""

    TEXT = "text"
    IMAGE = "image"
    VOICE = "voice"
    VIDEO = "video"


_CONTENT = {MomentKind.IMAGE: "image/", MomentKind.VOICE: "audio/", MomentKind.VIDEO: "video/"}


def fault_of_files(kind: MomentKind, content_types: list[str]) -> str:
    """Return what is wrong with the files of a post (moment), in words; "" means nothing.

    `content_types`: the types that the platform has detected from the files' content.
    """
    least, most = {MomentKind.TEXT: (0, 0), MomentKind.IMAGE: (1, MAX_PICTURES)}.get(kind, (1, 1))
    if not least <= len(content_types) <= most:
        wanted = f"{least} to {most} files" if most > least else f"exactly {most} files"
        return f"files: a moment of kind {kind} has {wanted}"
    wrong = [text for text in content_types if not text.startswith(_CONTENT[kind])]
    return f"files: {wrong[0]} does not belong to a moment of kind {kind}" if wrong else ""


def kind_of_files(content_types: list[str]) -> MomentKind:
    """Return the kind of a post (moment) that carries files of these content types."""
    first = content_types[0] if content_types else ""
    kinds = (kind for kind, prefix in _CONTENT.items() if first.startswith(prefix))
    return next(kinds, MomentKind.TEXT)


@dataclass(frozen=True, slots=True)
class BookUse:
    """An object says how much of its limits of uploads a person's address book has used.

    `started` is the day of the first upload (`None`: there was none), `day` the day of the last
    upload, `new_today` how many new numbers came on it.
    """

    started: date | None = None
    day: date | None = None
    new_today: int = 0


def book_allowance(use: BookUse, size: int, today: date) -> int:
    """Return how many new telephone numbers an address book of `size` numbers may still take today."""
    used = use.new_today if use.day == today else 0
    # On its first day an address book is uploaded as a whole; later only a few numbers are new.
    limit = FIRST_UPLOAD if use.started in (None, today) else NEW_A_DAY
    return max(0, min(limit - used, MAX_BOOK - size))


def book_use_after(use: BookUse, new: int, today: date) -> BookUse:
    """Return how much of its limits an address book has used after `new` new numbers; deleted numbers still count."""
    used = use.new_today if use.day == today else 0
    return BookUse(use.started or today, today, used + new)
