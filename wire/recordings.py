"""Messages by which recorded segments come from a media unit (CMU) to the recording store of the platform (ARCH §4.2).

They are our addition: the sources say that a recorder keeps recordings, not how these come to where people watch them.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import field

from foundation.bus.message import Message, message
from foundation.bus.typed_json import TypedObject, items, letters, text, whole
from wire.fields import Incarnation, Ip, Moid, Moment, Number, Pid

MOST_FILES = 400
MOST_BYTES_OF_A_FILE = 64 * 1024**3
SegmentNumber = Annotated[int, whole(1, 9999)]


class SegmentFile(TypedObject):
    """One file of a segment: its name, its size in bytes, and the SHA-256 of its content in hexadecimal digits."""

    name: Annotated[str, letters("0-9A-Za-z._-", 200, 1)]
    size: Annotated[int, whole(0, MOST_BYTES_OF_A_FILE)]
    sha256: Annotated[str, letters("0-9a-f", 64, 64)]


@message("MCU_MAU_SEGMENT_NTF")
class UnitHasSegment(Message):
    """A media unit tells that it has a recorded segment, each minute until it may delete it.

    A segment without `ended` is still being recorded; it has no `files` yet. `incarnation` and `segment` give the order
    of the segments of one recording, on whatever units they were recorded.
    """

    e164: Number = field(name="confE164")
    confid: Moid
    incarnation: Incarnation
    segment: SegmentNumber
    begun: Moment
    ended: Moment | None = None
    files: Annotated[tuple[SegmentFile, ...], items(MOST_FILES)] = ()
    ip: Ip | None = None
    pid: Pid | None = None


@message("MAU_MCU_MOVESEGMENT_CMD")
class MoveSegment(Message):
    """The scheduler (CSS) tells a media unit what to do with an ended segment.

    `moved`: the recording store has all of it with the right hashes, or people have deleted the recording for good, so
    the unit deletes it. Otherwise the unit uploads its files to `url`; `order` is the credential for this segment
    alone, and expires after an hour.
    """

    e164: Number = field(name="confE164")
    confid: Moid
    incarnation: Incarnation
    segment: SegmentNumber
    moved: bool = False
    url: Annotated[str, text(500)] = ""
    order: Annotated[str, text(500)] = ""
