"""The functions here read the parts of files that browsers ask for by the header `Range` (RFC 9110 §14)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import IO

_RANGE = re.compile(r"bytes=(?:(\d{1,18})-(\d{0,18})|-(\d{1,18}))")
_PIECE = 256 * 1024


class NotInFile(ValueError):
    """The exception that says that a file is shorter than the first byte that is asked for."""


def parse_range(header: str, size: int) -> tuple[int, int] | None:
    """Return the first and last byte of a file that a `Range` header asks for; `None` means the whole file.

    `size` is the file's, in bytes. Raises NotInFile.
    """
    # `bytes=<first>-<last>` has the groups 1 and 2 (2 may be empty), `bytes=-<number of last bytes>` has the group 3.
    match = _RANGE.fullmatch(header.strip())
    if match is None:  # for no range, several, or another unit the whole file is a valid answer
        return None
    if match[3]:
        first, last = max(0, size - int(match[3])), size - 1
        # The last 0 bytes are in no file.
        first = size if int(match[3]) == 0 else first
    else:
        first, last = int(match[1]), min(int(match[2] or size - 1), size - 1)
        if match[2] and int(match[2]) < first:
            return None
    if first >= size:
        raise NotInFile(f"bytes */{size}")
    return first, last


def pieces(file: IO[bytes], first: int, last: int) -> Iterator[bytes]:
    """Yield a file's bytes from `first` to `last`, both included, in pieces, and close the file at the end."""
    with file:
        file.seek(first)
        left = last - first + 1
        while left and (piece := file.read(min(left, _PIECE))):
            left -= len(piece)
            yield piece
