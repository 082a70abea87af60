"""The module reads and writes the headers of uploads (tus 1.0.0) and downloads (RFC 9110 §14).

It is pure.
"""

from __future__ import annotations

import base64
import re
import unicodedata
from urllib.parse import quote

from foundation import byte_ranges

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
"""A browser may show these types itself; it only saves all others."""

_METADATA = 4096


class TransferRefused(Exception):
    """The exception that refuses an upload or download: HTTP status, a code for clients, and a sentence for people."""

    def __init__(self, status: int, code: str, why: str, **headers: str) -> None:
        """Keep the HTTP status, a code for clients, a sentence for people, and headers of the answer."""
        self.status, self.code, self.why, self.headers = status, code, why, headers
        super().__init__(why)


def parse_number(text: str | None, header: str) -> int:
    """Return the whole number that is the `text` of an HTTP header. Raises TransferRefused."""
    if text is None or not re.fullmatch(r"[0-9]{1,18}", text):
        raise TransferRefused(400, "bad_request", f"{header}: a whole number is required")
    return int(text)


def parse_metadata(header: str) -> dict[str, str]:
    """Return the keys and values in the header `Upload-Metadata` of an upload (tus); the values come in base64.

    Raises TransferRefused.
    """
    if len(header) > _METADATA:
        raise TransferRefused(400, "too_large", f"Upload-Metadata: at most {_METADATA} characters")
    values = {}
    for pair in filter(None, (pair.strip() for pair in header.split(","))):
        key, _, value = pair.partition(" ")
        try:
            values[key] = base64.b64decode(value, validate=True).decode()
        except ValueError:
            raise TransferRefused(400, "bad_request", f"Upload-Metadata: {key[:40]!r}") from None
    return values


def clean_file_name(name: str) -> str:
    """Return a file name that is safe to show: no folders, nothing invisible, not too long."""
    base_name = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    # Unicode's categories C (control characters and the like) and Z (separators) show nothing.
    visible = "".join(c for c in base_name if unicodedata.category(c)[0] not in "CZ" or c == " ")
    name_without_edges = re.sub(r"\s+", " ", visible).strip(" .")
    if len(name_without_edges) <= NAME_LENGTH:
        return name_without_edges or "file"
    stem, dot, ending = name_without_edges.rpartition(".")
    if not dot or len(ending) > 10:  # what follows the last dot is no suffix
        return name_without_edges[:NAME_LENGTH]
    return f"{stem[: NAME_LENGTH - len(ending) - 1]}.{ending}"


def content_disposition(name: str, content_type: str) -> str:
    """Return `Content-Disposition`: inline only for harmless types, the name as in RFC 6266."""
    mode = "inline" if content_type in SHOWN else "attachment"
    plain = re.sub(r'[^\x20-\x7e]|["\\%]', "_", name)
    return f"{mode}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def parse_range(header: str, size: int) -> tuple[int, int] | None:
    """Return the first and last byte of a file that a `Range` header asks for; `None` means the whole file.

    `size` is the file's, in bytes. Raises TransferRefused 416 if the file is shorter.
    """
    try:
        return byte_ranges.parse_range(header, size)
    except byte_ranges.NotInFile as error:
        headers = {"Content-Range": str(error)}
        raise TransferRefused(416, "bad_range", "the file is shorter", **headers) from None
