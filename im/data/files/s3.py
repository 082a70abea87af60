"""Files in something like S3: read in parts, so that the middle of a film costs no more than its middle."""

from __future__ import annotations

import io
from typing import Any

from botocore.exceptions import ClientError
from django.core.files import File as Content
from storages.backends.s3 import S3Storage

PART = 1 << 20
"""Bytes that one request fetches ahead."""


class S3(S3Storage):  # type: ignore[misc]
    """django-storages fetches the whole before the first byte can be read."""

    def _open(self, name: str, mode: str = "rb") -> Any:
        return Content(io.BufferedReader(_Parts(self._object(name)), PART), name)

    def _object(self, name: str) -> Any:
        return self.bucket.Object(self._normalize_name(name))


class _Parts(io.RawIOBase):
    """An object as a file that can be read from anywhere. Raises FileNotFoundError."""

    def __init__(self, found: Any) -> None:
        self._found, self._at = found, 0
        try:
            self._size = int(found.content_length)
        except ClientError as wrong:
            if wrong.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
                raise FileNotFoundError(found.key) from None
            raise

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Costs nothing; the next read asks for what is there."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, start + offset)
        return self._at

    def readinto(self, buffer: Any) -> int:
        """One request for as much as is wanted."""
        last = min(self._at + len(buffer), self._size) - 1
        if last < self._at:
            return 0
        got = self._found.get(Range=f"bytes={self._at}-{last}")["Body"].read()
        buffer[: len(got)] = got
        self._at += len(got)
        return len(got)
