"""Recorded segments come from media units (CMU) to the recording store (ARCH §4.2).

CMU -> CSS  MCU_MAU_SEGMENT_NTF                          on_unit_has_segment
CSS -> CMU  MAU_MCU_MOVESEGMENT_CMD
CMU uploads the files by HTTP                            receive_part
CMU -> CSS  MCU_MAU_SEGMENT_NTF
CSS -> CMU  MAU_MCU_MOVESEGMENT_CMD  (moved, or purged long ago: the unit deletes its copy)
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
from conferences.rules.recordings import (
    Segment,
    SegmentState,
    StoredFile,
    decide_told,
    segment_told,
)
from conferences.rules.sending_unit import sending_unit
from conferences.rules.states import Unit
from foundation.bus.envelope import Envelope
from foundation.bus.message import NotTaken
from foundation.bus.outgoing import Outgoing
from foundation.bus.registry import handles
from wire.recordings import MoveSegment, UnitHasSegment

log = logging.getLogger("conferences.recordings")

PATH = "/recordings/parts"


class CollectingUnitOfWork(Protocol):
    """One transaction on one platform's data, with the functions that collecting recordings needs."""

    @property
    def now(self) -> datetime:
        """Return the time of the transaction, by the clock of the database."""

    @property
    def own_site(self) -> str:
        """Return the platform of this site."""

    @property
    def recordings(self) -> RecordingRows:
        """Return the part of the transaction that reads and writes recordings."""

    def new_id(self) -> str:
        """Return a new unique id for a row."""

    def send(self, outgoing: Outgoing) -> None:
        """Stage a message, which is sent once the transaction has committed."""


@handles(UnitHasSegment)
def on_unit_has_segment(
    uow: CollectingUnitOfWork, notice: UnitHasSegment, envelope: Envelope
) -> None:
    """Store that a media unit has recorded a segment; order it to upload the segment, or to delete what the store has.

    A segment that is still being recorded gets no order yet. One of an unknown conference or unit is logged and
    ignored. Raises NotTaken, which names the malformed fields.
    """
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
    is_purged = uow.recordings.is_purged(recording)
    segment = reported if is_purged else _store_told(uow, key, reported, unit)
    if segment.ended_at is None:
        return
    command = MoveSegment(
        e164=notice.e164,
        confid=notice.confid,
        incarnation=notice.incarnation,
        segment=notice.segment,
        moved=is_purged or segment.state is SegmentState.MOVED,
        url=settings.PUBLIC_URL + PATH,
        order=recording_store.sign_order(key),
    )
    uow.send(outgoing.to_unit(unit, command))


def _store_told(
    uow: CollectingUnitOfWork, key: SegmentKey, reported: Segment, unit: Unit
) -> Segment:
    """Write down what a unit has told of a segment, and return the segment as the store knows it now.

    The store's folder may be another one than the row remembers: after a disk was lost, or at a site that has taken
    over without sharing it. The unit deletes its copy when we say so, hence the look into the folder.
    """
    stored = uow.recordings.segment(key)
    missing = recording_store.missing_files(key, stored.files) if stored else ()
    if missing:
        log.warning("%s: the store lacks %s; the unit sends it again", key, ", ".join(missing))
    segment = decide_told(stored, reported, missing)
    if segment != stored:
        uow.recordings.save(key, segment, unit)
    return segment


class PartRefused(Exception):
    """The exception that refuses an uploaded part of a file, with an HTTP status and the reason."""

    def __init__(self, status: int, why: str) -> None:
        """Keep the HTTP status and the reason (`why`)."""
        self.status = status
        super().__init__(why)


def count_received(order: str, name: str) -> int:
    """Return how many bytes of an uploaded file the store has. Raises PartRefused.

    If a crash came between the last byte and the mark in the database, the file is checked and marked now, since no
    further part will come; one with a wrong hash is emptied (0).
    """
    key, file = _expected_file(order, name)
    if file.received:
        return file.size
    with _locked(key, name) as part:
        return recording_store.size_of(part) if _settle(key, file, part) else 0


def receive_part(order: str, name: str, offset: int, source: Source, count: int) -> int:
    """Append `count` bytes at `offset` to a file that a unit uploads, and return how many bytes the store has then.

    `order`: the unit's credential for one recorded segment; `name`: a file of that. With the last byte the hash is
    checked; a file with another one begins anew. Raises PartRefused, also if the offset or the size is wrong or the
    disk is full.
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
    """Check an uploaded file's hash once all bytes have come, and mark the file as received.

    Returns True also while bytes are missing; False if the hash is wrong: then the file is emptied, and begins anew.
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
    """Return the recorded segment that a unit's credential (`order`) is for, and its file with this name.

    Raises PartRefused if the order is bad, another site serves the platform, or no such file is expected.
    """
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
    """Open a file of the recording store, which no other request writes meanwhile. Raises PartRefused if one does."""
    try:
        with recording_store.lock_part(key, name) as part:
            yield part
    except BlockingIOError:
        raise PartRefused(423, "another request writes this file") from None
