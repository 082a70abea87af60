"""The object store (S3) as a storage that reads parts of a file without fetching the whole."""

from __future__ import annotations

import io
from typing import Any

from botocore.exceptions import ClientError
from django.core.files import File as Content
from storages.backends.s3 import S3Storage

PART_BYTES = 1 << 20
"""One request reads this many bytes ahead."""


class S3(S3Storage):  # type: ignore[misc]  # the base class has no types
    """An S3 storage that opens a file without fetching it as a whole.

    The storage of django-storages fetches the whole object before the first byte can be read.
    """

    def _open(self, name: str, mode: str = "rb") -> Any:
        """Return an object as a file that fetches parts as they are read."""
        return Content(io.BufferedReader(_ObjectReader(self._object(name)), PART_BYTES), name)

    def _object(self, name: str) -> Any:
        """Return the S3 object with this name."""
        return self.bucket.Object(self._normalize_name(name))


class _ObjectReader(io.RawIOBase):
    """An S3 object as a file that can be read from any position. Raises FileNotFoundError."""

    def __init__(self, s3_object: Any) -> None:
        """Ask S3 for the size of the object, and begin at its first byte."""
        self._s3_object, self._position = s3_object, 0
        try:
            self._size = int(s3_object.content_length)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
                raise FileNotFoundError(s3_object.key) from None
            raise

    def readable(self) -> bool:
        """Return True: the object can be read."""
        return True

    def seekable(self) -> bool:
        """Return True: any position can be read."""
        return True

    def tell(self) -> int:
        """Return the position in the file."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move the position in the file, which sends no request, and return it."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = max(0, start + offset)
        return self._position

    def readinto(self, buffer: Any) -> int:
        """Fetch as many bytes as the buffer holds, in one request; return how many came, 0 at the end of the file."""
        last = min(self._position + len(buffer), self._size) - 1
        if last < self._position:
            return 0
        data = self._s3_object.get(Range=f"bytes={self._position}-{last}")["Body"].read()
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)
