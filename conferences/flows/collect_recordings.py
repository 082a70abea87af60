"""Recorded segments come from media units (CMU) to the recording store (ARCH §4.2).

CMU -> CSS  MCU_MAU_SEGMENT_NTF                          on_unit_has_segment
CSS -> CMU  MAU_MCU_MOVESEGMENT_CMD
CMU uploads the files by HTTP                            receive_part
CMU -> CSS  MCU_MAU_SEGMENT_NTF
CSS -> CMU  MAU_MCU_MOVESEGMENT_CMD  (moved: the unit deletes its copy)
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from io import BufferedRandom
from typing import Protocol

from django.conf import settings

from conferences.data import recording_rows, recording_store
from conferences.data.recording_rows import RecordingRows
from conferences.data.recording_store import SegmentKey, Source
from conferences.rules import outgoing
from conferences.rules.recordings import SegmentState, StoredFile, decide_told, segment_told
from conferences.rules.sending_unit import sending_unit
from foundation.bus.envelope import Envelope
from foundation.bus.message import NotTaken
from foundation.bus.outgoing import Outgoing
from foundation.bus.registry import handles
from wire.recordings import MoveSegment, UnitHasSegment

log = logging.getLogger("conferences.recordings")

PATH = "/recordings/parts"


class CollectingUnitOfWork(Protocol):
    """The recordings of one platform, as one transaction reads and writes them."""

    @property
    def now(self) -> datetime:
        """Return the time of the transaction, by the clock of the database."""

    @property
    def own_site(self) -> str:
        """Return the platform of this site."""

    @property
    def recordings(self) -> RecordingRows:
        """Return the part for recordings."""

    def new_id(self) -> str:
        """Return a new unique id for a row."""

    def send(self, outgoing: Outgoing) -> None:
        """Stage a message, which is sent once the transaction has committed."""


@handles(UnitHasSegment)
def on_unit_has_segment(
    uow: CollectingUnitOfWork, notice: UnitHasSegment, envelope: Envelope
) -> None:
    """Write down a segment that a unit has, and tell the unit to upload it, or to delete what the store has."""
    try:
        reported = segment_told(notice, uow.now)
    except ValueError as error:
        raise NotTaken(f"begun, ended, files: {error}") from None
    unit = sending_unit(notice, envelope, uow.own_site, None)
    recording = (
        uow.recordings.recording_of(notice.confid, reported.begun_at, uow.new_id())
        if unit
        else None
    )
    if unit is None or recording is None:
        log.warning("%s: a segment of an unknown conference %s", unit, notice.confid)
        return
    key = uow.recordings.key_of(recording, notice)
    stored = uow.recordings.segment(key)
    segment = decide_told(stored, reported)
    if segment != stored:
        uow.recordings.save(key, segment, unit)
    if segment.ended_at is None:
        return
    command = MoveSegment(
        e164=notice.e164,
        confid=notice.confid,
        incarnation=notice.incarnation,
        segment=notice.segment,
        moved=segment.state is SegmentState.MOVED,
        url=settings.PUBLIC_URL + PATH,
        order=recording_store.sign_order(key),
    )
    uow.send(outgoing.to_unit(unit, command))


class PartRefused(Exception):
    """The exception that refuses a part of a file, with an HTTP status and why."""

    def __init__(self, status: int, why: str) -> None:
        """Refuse with this HTTP status."""
        self.status = status
        super().__init__(why)


def count_received(order: str, name: str) -> int:
    """Return how many bytes of a file the store has. Raises PartRefused.

    A file that came whole before its row could say so is checked now, since no further part will come.
    """
    key, file = _expected_file(order, name)
    if file.received:
        return file.size
    with _locked(key, name) as part:
        return recording_store.size_of(part) if _settle(key, file, part) else 0


def receive_part(order: str, name: str, offset: int, source: Source, count: int) -> int:
    """Append `count` bytes at `offset` to a file of a segment, and return how many the store has then.

    With the last byte the hash is checked; a file with another one begins anew. Raises PartRefused.
    """
    key, file = _expected_file(order, name)
    if file.received:
        return file.size
    with _locked(key, name) as part:
        received = recording_store.size_of(part)
        if offset != received:
            raise PartRefused(409, f"{received} bytes are here")
        if offset + count > file.size:
            raise PartRefused(413, f"only {file.size} bytes were announced")
        if not recording_store.has_room(count):
            raise PartRefused(507, "the recording store has no room")
        recording_store.append(part, source, count)
        if not _settle(key, file, part):
            raise PartRefused(422, "the content has another SHA-256 than was announced")
        return recording_store.size_of(part)


def _settle(key: SegmentKey, file: StoredFile, part: BufferedRandom) -> bool:
    """Mark a file as received if it is whole; return False if its hash is wrong: then it is empty, and begins anew.

    Raises PartRefused if another site serves the platform now.
    """
    if recording_store.size_of(part) < file.size:
        return True
    if not recording_store.has_hash(part, file.sha256):
        return False
    try:
        recording_rows.mark_received(key, file.name)
    except recording_rows.NotServed:
        raise PartRefused(503, "another site serves this platform") from None
    return True


def _expected_file(order: str, name: str) -> tuple[SegmentKey, StoredFile]:
    """Return the segment that an order is for, and the file of it with this name. Raises PartRefused."""
    try:
        key = recording_store.read_order(order)
        file = recording_rows.find_file(key, name)
    except recording_store.BadOrder:
        raise PartRefused(403, "the order is forged or has expired") from None
    except recording_rows.NotServed:
        raise PartRefused(503, "another site serves this platform") from None
    if file is None:
        raise PartRefused(404, "the segment has no such file")
    return key, file


@contextmanager
def _locked(key: SegmentKey, name: str) -> Iterator[BufferedRandom]:
    """Open a file of the store, which no other request writes meanwhile. Raises PartRefused."""
    try:
        with recording_store.lock_part(key, name) as part:
            yield part
    except BlockingIOError:
        raise PartRefused(423, "another request writes this file") from None
