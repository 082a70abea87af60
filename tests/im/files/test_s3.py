"""Files in something like S3, by settings alone; of a long file only what is asked for is fetched."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from foundation.byte_ranges import pieces
from im.data.files import storage as kept

LONG = bytes(range(256)) * 40_000


class Bucket(BaseHTTPRequestHandler):
    """A server that implements as much of S3 as our storage uses, for one file at a time."""

    kept: dict[str, bytes]
    sent: list[int]

    def _answer(self, status: int, body: bytes = b"", length: int | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.send_header("ETag", '"x"')
        self.end_headers()
        self.wfile.write(body)
        self.sent.append(len(body))

    def do_PUT(self) -> None:
        self.kept[self.path] = self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(200)

    def do_HEAD(self) -> None:
        content = self.kept.get(self.path)
        self._answer(404 if content is None else 200, length=len(content or b""))

    def do_GET(self) -> None:
        content = self.kept.get(self.path, b"")
        part = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        piece = content[int(part[1]) : int(part[2]) + 1] if part else content
        self._answer(206 if part else 200, piece)

    def do_DELETE(self) -> None:
        self.kept.pop(self.path, None)
        self._answer(204)

    def log_message(self, *_: Any) -> None:
        """Log nothing."""


@pytest.fixture
def bucket(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Bucket]]:
    """Yield a server with one bucket, which the settings name."""
    pytest.importorskip("storages")
    bucket = type("One", (Bucket,), {"kept": {}, "sent": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), bucket)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "of-this-test")
    monkeypatch.setenv("AWS_REQUEST_CHECKSUM_CALCULATION", "when_required")
    options = {
        "bucket_name": "files",
        "endpoint_url": f"http://127.0.0.1:{server.server_port}",
        "region_name": "any",
        "addressing_style": "path",
        "transfer_config": _in_one_piece(),
    }
    storage_settings = {"BACKEND": "im.data.files.s3.S3", "OPTIONS": options}
    settings.STORAGES = {**settings.STORAGES, "im_files": storage_settings}
    yield bucket
    server.shutdown()
    server.server_close()


def _in_one_piece() -> Any:
    from boto3.s3.transfer import TransferConfig

    return TransferConfig(multipart_threshold=1 << 30)


def test_a_part_of_a_long_file_costs_no_more_than_a_part(
    bucket: type[Bucket], tmp_path: Path
) -> None:
    number = str(uuid4())
    spooled = tmp_path / number
    spooled.write_bytes(LONG)
    kept.save(number, spooled)
    assert list(bucket.kept) == [f"/files/{kept.name_of(number)}"]
    assert spooled.read_bytes() == LONG
    bucket.sent.clear()
    content = b"".join(pieces(kept.open_file(number), 5_000_000, 5_000_999))
    assert content == LONG[5_000_000:5_001_000]
    assert sum(bucket.sent) < 3_000_000
    assert b"".join(pieces(kept.open_file(number), 0, len(LONG) - 1)) == LONG
    kept.delete(number)
    assert bucket.kept == {}
    with pytest.raises(FileNotFoundError):
        kept.open_file(number)
