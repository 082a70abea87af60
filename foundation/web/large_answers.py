"""Files that are too large for the front to take from us at once, and hold back for a slow reader.

Such an answer occupies a thread of the web process for as long as its reader likes. So there are places for a part of
the threads, and few of one person: whoever reads many large files slowly keeps nobody from the pages.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from threading import Lock

FRONT_HOLDS = 32 * 1024 * 1024
"""The front takes answers of so many bytes at once (`proxy_max_temp_file_size` in deploy/front/http.conf)."""
MOST_AT_ONCE = 32
"""A web process has 96 threads."""
MOST_OF_PERSON = 4
RETRY_SECONDS = 30
"""Whoever is refused is told to come again after so many seconds."""

_held = Counter[str]()
"""The person -> how many large answers this process is sending to the person."""
_lock = Lock()


class TooManyDownloads(Exception):
    """The person, or everybody together, reads as many large files as may be read at once."""


def with_place(person: str, size: int, content: Iterator[bytes]) -> Iterator[bytes]:
    """Return the content of an answer of `size` bytes to a person; a large one holds a place until it is closed.

    Raises TooManyDownloads if no place is free; the caller then closes the content.
    """
    if size <= FRONT_HOLDS:
        return content
    with _lock:
        if _held[person] >= MOST_OF_PERSON or _held.total() >= MOST_AT_ONCE:
            raise TooManyDownloads
        _held[person] += 1
    return _WithPlace(person, content)


class _WithPlace(Iterator[bytes]):
    """The content of an answer that has a place until its end; Django closes it when the reader has gone before."""

    def __init__(self, person: str, content: Iterator[bytes]) -> None:
        """Send this content to a person for whom a place was taken."""
        self._person: str | None = person
        self._content = content

    def __next__(self) -> bytes:
        """Return the next piece; at the end give the place back."""
        try:
            return next(self._content)
        except StopIteration:
            self.close()
            raise

    def close(self) -> None:
        """Close the content, and give the place back, once."""
        if close := getattr(self._content, "close", None):
            close()
        with _lock:
            if self._person is not None:
                _held[self._person] -= 1
                if not _held[self._person]:
                    del _held[self._person]
            self._person = None

    def __del__(self) -> None:
        """Give the place back if nobody has closed the content, as when a middleware has replaced the answer."""
        self.close()
