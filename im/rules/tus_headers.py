"""What stands in the headers of uploads (tus 1.0.0) and downloads (RFC 9110 §14). Pure."""

from __future__ import annotations

import base64
import re
import unicodedata
from urllib.parse import quote

VERSION = "1.0.0"
EXTENSIONS = "creation,expiration,termination"
PART = "application/offset+octet-stream"
NAME_LENGTH = 200
SHOWN = frozenset(
    {
        *("image/png", "image/jpeg", "image/gif", "image/webp"),
        *("audio/webm", "audio/ogg", "audio/mpeg", "audio/mp4", "audio/wav", "audio/flac"),
        *("video/webm", "video/mp4"),
    }
)
"""What a browser may show by itself; all else it only saves."""

_RANGE = re.compile(r"bytes=(?:(\d{1,18})-(\d{0,18})|-(\d{1,18}))")
_METADATA = 4096


class Refused(Exception):
    """An upload or a download that cannot be had: HTTP status, a code for programs, a sentence."""

    def __init__(self, status: int, code: str, why: str, **headers: str) -> None:
        self.status, self.code, self.why, self.headers = status, code, why, headers
        super().__init__(why)


def number(text: str | None, what: str) -> int:
    """A header's whole number. Raises Refused."""
    if text is None or not re.fullmatch(r"[0-9]{1,18}", text):
        raise Refused(400, "bad_request", f"{what}: a whole number is needed")
    return int(text)


def metadata(header: str) -> dict[str, str]:
    """`Upload-Metadata`: pairs of a key and a value in base64. Raises Refused."""
    if len(header) > _METADATA:
        raise Refused(400, "too_large", f"Upload-Metadata: at most {_METADATA} characters")
    found = {}
    for pair in filter(None, (one.strip() for one in header.split(","))):
        key, _, value = pair.partition(" ")
        try:
            found[key] = base64.b64decode(value, validate=True).decode()
        except ValueError:
            raise Refused(400, "bad_request", f"Upload-Metadata: {key[:40]!r}") from None
    return found


def clean(name: str) -> str:
    """A file's name as people may be shown it: no folders, nothing invisible, not too long."""
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    seen = "".join(c for c in last if unicodedata.category(c)[0] not in "CZ" or c == " ")
    kept = re.sub(r"\s+", " ", seen).strip(" .")
    if len(kept) <= NAME_LENGTH:
        return kept or "file"
    stem, dot, ending = kept.rpartition(".")
    if not dot or len(ending) > 10:
        return kept[:NAME_LENGTH]
    return f"{stem[: NAME_LENGTH - len(ending) - 1]}.{ending}"


def disposition(name: str, content_type: str) -> str:
    """`Content-Disposition`: shown only what is harmless; the name as RFC 6266 wants it."""
    kind = "inline" if content_type in SHOWN else "attachment"
    plain = re.sub(r'[^\x20-\x7e]|["\\%]', "_", name)
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def part_of(header: str, size: int) -> tuple[int, int] | None:
    """First and last byte that are asked for; None: all of it. Raises Refused 416."""
    asked = _RANGE.fullmatch(header.strip())
    if asked is None:  # none, several, or another unit: all of it is a right answer
        return None
    if asked[3]:
        first, last = max(0, size - int(asked[3])), size - 1
        first = size if int(asked[3]) == 0 else first
    else:
        first, last = int(asked[1]), min(int(asked[2] or size - 1), size - 1)
        if asked[2] and int(asked[2]) < first:
            return None
    if first >= size:
        told = {"Content-Range": f"bytes */{size}"}
        raise Refused(416, "bad_range", "the file is shorter", **told)
    return first, last
