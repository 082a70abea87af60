"""Frames of VP8 survive RTP: divided, out of order, repeated, and with losses between them."""

from __future__ import annotations

import struct
from random import Random

import pytest

from media_unit.vp8_rtp import FrameAssembler, Packetizer, is_too_large, parse


def frames(count: int) -> list[bytes]:
    """Return so many frames of different lengths."""
    return [bytes([number % 251]) * (700 * (number % 5) + 1) for number in range(count)]


def packets_of(sent: list[bytes]) -> list[list[bytes]]:
    packetizer = Packetizer(7)
    return [list(packetizer.packets(frame, 3600 * n)) for n, frame in enumerate(sent)]


def received(packets: list[bytes]) -> list[bytes]:
    """Return the frames that an assembler makes of these packets."""
    assembler, found = FrameAssembler(), []
    for data in packets:
        packet = parse(data)
        assert packet
        found += assembler.add(packet)
    return found


@pytest.mark.parametrize("seed", range(5))
def test_frames_arrive_whole_out_of_order_and_over_the_end_of_the_numbers(seed: int) -> None:
    sent = frames(30_000)[-20_000:] if seed == 0 else frames(100)
    packets = [packet for frame in packets_of(sent) for packet in frame]
    rng = Random(seed)
    for start in range(1, len(packets) - 8, 8):
        part = packets[start : start + 8]
        rng.shuffle(part)
        packets[start : start + 8] = part
    packets[50:50] = packets[40:50]
    assert received(packets) == sent


def test_a_lost_packet_costs_its_frame_alone() -> None:
    sent = frames(200)
    divided = packets_of(sent)
    del divided[13][1]
    assert received([packet for frame in divided for packet in frame]) == sent[:13] + sent[14:]


def test_a_stream_that_begins_again_is_followed() -> None:
    first = [packet for frame in packets_of(frames(9)) for packet in frame]
    again = [data[:2] + (30_000 + n).to_bytes(2) + data[4:] for n, data in enumerate(first)]
    assert received(first + again) == frames(9) * 2


def test_descriptors_with_picture_ids_are_read() -> None:
    head = bytes([0x90, 0x60 | 0x80, 0, 9]) + bytes(8)
    extension = bytes([0xBE, 0xDE, 0, 1]) + bytes(4)
    for descriptor in (
        b"\x10",
        b"\x90\x80\x05",
        b"\x90\x80\x85\x01",
        b"\x90\xe0\x85\x01\x02\x20",
        b"\x90\xf0\x05\x02\x20",
    ):
        packet = parse(head + extension + descriptor + b"frame")
        assert packet
        assert (packet.payload, packet.starts, packet.sequence) == (b"frame", True, 9)


@pytest.mark.parametrize("data", [b"", b"\x80", bytes(12), b"\x80\x60" + bytes(11), bytes(40)])
def test_what_is_no_packet_is_none(data: bytes) -> None:
    assert parse(data) is None


def test_random_bytes_do_no_harm() -> None:
    rng, assembler = Random(3), FrameAssembler()
    for _ in range(3000):
        data = b"\x80" + rng.randbytes(rng.randrange(40))
        if packet := parse(data):
            assembler.add(packet)


def test_a_frame_that_says_it_is_huge_is_not_decoded() -> None:
    key, other = bytes([0x10, 0, 0, 0x9D, 1, 0x2A]), bytes([0x11, 0, 0, 0x9D, 1, 0x2A])
    huge, usual = struct.pack("<HH", 16383, 16383), struct.pack("<HH", 0x4000 | 1920, 1080)
    assert is_too_large(key + huge)
    assert not any(map(is_too_large, (key + usual, other + huge, key)))
