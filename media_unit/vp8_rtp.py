"""VP8 in RTP packets (RFC 7741): packets become frames of the encoder, and frames become packets. Pure."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

PAYLOAD_TYPE = 96
_MOST_BYTES = 1180
"""Bytes of a frame in one packet, so that it fits a network packet with everything around it."""
_MOST_WAITING = 64
"""Packets that wait for a missing one; after so many it counts as lost."""
_KEY_FRAME_HEADER, _MOST_PIXELS = 10, 4096 * 2304
_RESTARTED = 0x1000
"""A packet that is so far behind belongs to a stream that has begun again."""


@dataclass(frozen=True, slots=True)
class Packet:
    """One RTP packet with a part of a VP8 frame; `starts`: its first part, `ends`: its last."""

    ssrc: int
    sequence: int
    starts: bool
    ends: bool
    payload: bytes


def parse(data: bytes) -> Packet | None:
    """Return the packet in these bytes; `None` if they are no RTP packet (RFC 3550) with VP8 (RFC 7741)."""
    try:
        first, second, sequence, _, ssrc = struct.unpack_from("!BBHII", data)
        # The fixed header, and 4 bytes for each contributing source; an extension may follow, and padding at the end.
        offset = 12 + 4 * (first & 0x0F)
        if first & 0x10:
            offset += 4 + 4 * struct.unpack_from("!HH", data, offset)[1]
        end = len(data) - (data[-1] if first & 0x20 else 0)
        begins = data[offset] & 0x17 == 0x10  # start of the frame's first partition
        payload = data[_after_descriptor(data, offset) : end]
    except (struct.error, IndexError):
        return None
    if first >> 6 != 2 or not payload:
        return None
    return Packet(ssrc, sequence, begins, bool(second & 0x80), payload)


def _after_descriptor(data: bytes, offset: int) -> int:
    """Return where the frame's own bytes begin, after VP8's payload descriptor (RFC 7741 §4.2). Raises IndexError."""
    has_extension = data[offset] & 0x80
    offset += 1
    if has_extension:
        fields = data[offset]  # I: picture id of one or two bytes; L: one byte; T or K: one byte
        offset += 1
        if fields & 0x80:
            offset += 2 if data[offset] & 0x80 else 1
        offset += bool(fields & 0x40) + bool(fields & 0x30)
    return offset


def is_too_large(frame: bytes) -> bool:
    """Return whether a frame says of itself that it has more pixels than a camera or screen of today.

    A stranger could say so to take the memory of whoever decodes it. Only key frames have a size (RFC 6386 §9.1).
    """
    if len(frame) < _KEY_FRAME_HEADER or frame[0] & 1:
        return False
    width: int
    height: int
    width, height = struct.unpack_from("<HH", frame, 6)
    return (width & 0x3FFF) * (height & 0x3FFF) > _MOST_PIXELS


class FrameAssembler:
    """An assembler puts the packets of one stream in order, and their parts together to frames."""

    def __init__(self) -> None:
        """Begin a stream; its first packet, whatever its number is, counts as the next one."""
        self._waiting: dict[int, Packet] = {}
        """Sequence number -> packet that waits for those before it."""
        self._next: int | None = None
        self._parts: list[bytes] | None = None
        """The parts of the frame that has begun; `None` between frames, and after a loss."""

    def add(self, packet: Packet) -> list[bytes]:
        """Return the frames that this packet completes; a packet that comes late or twice is ignored.

        Packets wait for those before them. If too many wait, those are given up as lost. Sequence numbers have 16 bits
        and begin again after 65535; a leap far back means a new stream.
        """
        if self._next is None:
            self._next = packet.sequence
        behind = (self._next - packet.sequence) & 0xFFFF
        if 0 < behind < _RESTARTED:
            return []
        if _RESTARTED <= behind < 0xFFFF - _RESTARTED:
            self._waiting, self._next, self._parts = {}, packet.sequence, None
        self._waiting[packet.sequence] = packet
        if len(self._waiting) > _MOST_WAITING:
            expected = self._next
            self._next = min(self._waiting, key=lambda sequence: (sequence - expected) & 0xFFFF)
            self._parts = None
        return list(self._completed_frames())

    def _completed_frames(self) -> Iterator[bytes]:
        """Yield the frames whose packets are all there, up to the first packet that is missing."""
        while self._next is not None and (packet := self._waiting.pop(self._next, None)):
            self._next = (self._next + 1) & 0xFFFF
            if packet.starts:
                self._parts = []
            # The beginning of this frame is lost.
            if self._parts is None:
                continue
            self._parts.append(packet.payload)
            if packet.ends:
                yield b"".join(self._parts)
                self._parts = None


class Packetizer:
    """A packetizer divides the frames of one stream among RTP packets."""

    def __init__(self, ssrc: int) -> None:
        """Begin a stream, whose RTP packets have this SSRC, with the sequence number 0."""
        self._ssrc, self._sequence = ssrc, 0

    def packets(self, frame: bytes, timestamp: int) -> Iterator[bytes]:
        """Yield the RTP packets of a frame; `timestamp` counts 90,000 a second.

        The marker bit (0x80) tells the last packet of the frame, the descriptor 0x10 the first one.
        """
        for offset in range(0, len(frame), _MOST_BYTES):
            is_last = offset + _MOST_BYTES >= len(frame)
            kind = PAYLOAD_TYPE | (0x80 if is_last else 0)
            stamp = timestamp & 0xFFFFFFFF
            header = struct.pack("!BBHII", 0x80, kind, self._sequence, stamp, self._ssrc)
            descriptor = b"\x10" if offset == 0 else b"\x00"
            yield header + descriptor + frame[offset : offset + _MOST_BYTES]
            self._sequence = (self._sequence + 1) & 0xFFFF
