"""The mover brings recorded segments from a media unit to the recording store of the platform (ARCH §4.2).

It reports each segment that lies here to the scheduler, and gets an order to upload it, or word that the store has
all of it. Only then the segment is deleted here. The folders themselves say what is to be done, so a restart forgets
nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlencode

import aiohttp

from foundation.bus.message import Body, Message
from media_unit.config import UnitConfig
from media_unit.recording import media_files, read_note
from wire.recordings import MoveSegment, SegmentFile, UnitHasSegment
from wire.routes import Routes

log = logging.getLogger("conferences.media.unit")

NOTE = "segment.json"
_LOOK_SECONDS = 2.0
_TELL_SECONDS = 60.0
"""Seconds after which the scheduler is told of a segment again."""
_SETTLED_SECONDS = 3.0
"""Janus renames its files a moment after it was told to stop."""
_PART_BYTES = 4 * 1024 * 1024
_TIMEOUT = aiohttp.ClientTimeout(total=60)
_MOST_AT_ONCE = 2
"""Segments that are uploaded at the same time, so that the conferences keep the line."""
_OFFSET = "Upload-Offset"


class NotUploaded(Exception):
    """The exception that says why a file was not uploaded; the segment is tried again later."""


class SegmentMover:
    """The part of a media unit that reports recorded segments, uploads them, and deletes those that the store has."""

    def __init__(self, config: UnitConfig, send: Callable[[Routes, Message], None]) -> None:
        """Begin with the folder of this unit's recordings; nothing is read yet.

        `send` sends a message to the scheduler.
        """
        self._config, self._send = config, send
        self._root = config.directory / "rec"
        self._reported: dict[Path, tuple[float, bool]] = {}
        """Folder -> when the scheduler was last told of it (monotonic seconds), and whether as one that has ended."""
        self._files: dict[Path, tuple[SegmentFile, ...]] = {}
        """Folder of an ended segment -> its files with their hashes."""
        self._moving: set[Path] = set()
        self._uploads: set[asyncio.Task[None]] = set()
        self._places = asyncio.Semaphore(_MOST_AT_ONCE)

    async def run(self) -> None:
        """Report segments to the scheduler, for ever: a new one soon, each one every minute."""
        while True:
            for note in sorted(self._root.glob(f"*/*/{NOTE}")):
                with contextlib.suppress(OSError):  # somebody has deleted it
                    await self._report_if_due(note.parent)
            await asyncio.sleep(_LOOK_SECONDS)

    async def _report_if_due(self, folder: Path) -> None:
        """Report a segment to the scheduler at its start and its end, and each minute.

        One that has just ended waits until Janus has closed its files. One that is being uploaded is not reported.
        """
        note = read_note(folder)
        if not note.get("confid") or "begun" not in note or folder in self._moving:
            return
        has_ended = "ended" in note
        reported_at, reported_as_ended = self._reported.get(folder, (-_TELL_SECONDS, False))
        if reported_as_ended is has_ended and time.monotonic() - reported_at < _TELL_SECONDS:
            return
        if has_ended and folder not in self._files:
            changed = max(path.stat().st_mtime for path in folder.iterdir())
            if time.time() - changed < _SETTLED_SECONDS:
                return
            self._files[folder] = await asyncio.to_thread(_hashed_files, folder)
        self._send(Routes.UNIT_TO_CSS, self._notice_of(note, self._files.get(folder, ())))
        self._reported[folder] = (time.monotonic(), has_ended)

    def _notice_of(self, note: Body, files: tuple[SegmentFile, ...]) -> UnitHasSegment:
        """Return the message that reports a segment, from its note and its files."""
        return UnitHasSegment(
            e164=note["confE164"],
            confid=note["confid"],
            incarnation=note["incarnation"],
            segment=note["segment"],
            begun=note["begun"],
            ended=note.get("ended"),
            files=files,
            ip=self._config.ip,
            pid=self._config.pid,
        )

    async def carry_out(self, order: MoveSegment) -> None:
        """Begin to upload a segment as the order says, or delete it if the store has it.

        A segment that is not here, or is being uploaded, is ignored. What fails is tried again in a minute.
        """
        for note in self._root.glob(f"*/{order.incarnation:06d}-{order.segment:03d}/{NOTE}"):
            folder = note.parent
            if read_note(folder).get("confid") != order.confid or folder in self._moving:
                continue
            if order.moved:
                await asyncio.to_thread(self._delete, folder)
            elif files := self._files.get(folder):
                self._moving.add(folder)
                task = asyncio.create_task(self._upload(folder, files, order))
                self._uploads.add(task)
                task.add_done_callback(self._uploads.discard)

    def _delete(self, folder: Path) -> None:
        """Delete a segment that the store has, and the folder of its conference with the last one."""
        log.info("%s: the store has it; deleted here", folder)
        shutil.rmtree(folder, ignore_errors=True)
        with contextlib.suppress(OSError):  # there are others
            folder.parent.rmdir()
        self._files.pop(folder, None)
        self._reported.pop(folder, None)

    async def _upload(
        self, folder: Path, files: tuple[SegmentFile, ...], order: MoveSegment
    ) -> None:
        """Upload the files of a segment, and have it reported again, so that the scheduler checks what the store has.

        A failure is logged, and the upload is begun again later.
        """
        try:
            async with self._places, aiohttp.ClientSession(timeout=_TIMEOUT) as http:
                for file in files:
                    await _upload_file(http, order, folder / file.name, file.size)
            self._reported.pop(folder, None)
        except (NotUploaded, aiohttp.ClientError, OSError, TimeoutError) as error:
            log.warning("%s is not moved yet: %s: %s", folder, type(error).__name__, error)
            self._files.pop(folder, None)  # perhaps a file has got another name
        finally:
            self._moving.discard(folder)


def _hashed_files(folder: Path) -> tuple[SegmentFile, ...]:
    """Return the media files of a segment and its note, each with its size and SHA-256."""
    segment_files: list[SegmentFile] = []
    for name in [*media_files(folder), NOTE]:
        with (folder / name).open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            segment_files.append(SegmentFile(name=name, size=file.tell(), sha256=digest))
    return tuple(segment_files)


async def _upload_file(
    http: aiohttp.ClientSession, order: MoveSegment, path: Path, size: int
) -> None:
    """Upload one file from the byte at which an earlier attempt has ended.

    Raises NotUploaded and errors of the connection.
    """
    address = f"{order.url}?{urlencode({'file': path.name})}"
    credential = {"Authorization": f"Bearer {order.order}"}
    async with http.head(address, headers=credential) as reply:
        offset = await _offset_in(reply)
    with path.open("rb") as file:
        while offset < size or size == 0:
            file.seek(offset)
            part = file.read(min(_PART_BYTES, size - offset))
            headers = {
                **credential,
                _OFFSET: str(offset),
                "Content-Type": "application/octet-stream",
            }
            async with http.patch(address, headers=headers, data=part) as reply:
                received = await _offset_in(reply)
            # An empty file is one part without bytes.
            if size == 0:
                return
            if received <= offset:
                raise NotUploaded("the store takes nothing")
            offset = received


async def _offset_in(reply: aiohttp.ClientResponse) -> int:
    """Return how many bytes of a file the store has, by its answer. Raises NotUploaded for any other answer."""
    if reply.status != 204:
        raise NotUploaded(f"{reply.status} {(await reply.text())[:200]}")
    return int(reply.headers.get(_OFFSET, "0"))
