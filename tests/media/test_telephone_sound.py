"""The sound of a telephone at the media relay (rtpengine): who gets it."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from deploy.stand.ports import Ports, claimed_ports
from deploy.stand.telephones import TelephoneServers
from media_unit.sip_gate.phone_media import PhoneMedia
from media_unit.sip_gate.rtpengine import Rtpengine
from tests.media.people import until
from tests.media.telephones import needs_telephone_programs
from wire.telephones import LegAddress

pytestmark = needs_telephone_programs

PACKET_SECONDS, LEARNING_SECONDS = 0.02, 4
"""rtpengine decides within three seconds of sound to which address it answers."""
PCMU, OPUS = 0, 96
OFFER = (
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    "m=audio {port} RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na=sendrecv\r\n"
)


class Party(asyncio.DatagramProtocol):
    """A socket that sends sound, and counts the packets that come."""

    def __init__(self, payload_type: int, payload: bytes, samples: int) -> None:
        self._payload_type, self._payload, self._samples = payload_type, payload, samples
        self._sent = 0
        self.received = 0

    async def open(self) -> Party:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(
            lambda: self, local_addr=("127.0.0.1", 0)
        )
        return self

    @property
    def address(self) -> LegAddress:
        return LegAddress(ip="127.0.0.1", port=self._transport.get_extra_info("sockname")[1])

    def datagram_received(self, data: bytes, addr: object) -> None:
        self.received += 1

    def send(self, target: tuple[str, int]) -> None:
        """Send the next packet of 20 ms."""
        self._sent += 1
        timestamp = self._sent * self._samples
        source = self.address.port
        head = struct.pack("!BBHII", 0x80, self._payload_type, self._sent, timestamp, source)
        self._transport.sendto(head + self._payload, target)

    def close(self) -> None:
        self._transport.close()


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[Rtpengine]:
    with claimed_ports(200) as base:
        relay = TelephoneServers(tmp_path, Ports(base)).relay
        relay.start()
        client = Rtpengine()
        await client.open(("127.0.0.1", relay.port))
        yield client
        client.close()
        relay.kill()


async def test_a_late_leg_in_the_mixer_does_not_take_the_sound_of_the_caller(
    engine: Rtpengine,
) -> None:
    phone = await Party(PCMU, bytes(160), 160).open()
    mixer, late, unused = [await Party(OPUS, b"\xf8\xff\xfe", 960).open() for _ in range(3)]
    media = PhoneMedia(engine, "c1", OFFER.format(port=phone.address.port), unused.address)
    answered = (await media.answer()).rtp_address
    assert answered is not None
    await media.connect(mixer.address)
    inner = (media.inner_address.ip, media.inner_address.port)
    for _ in range(int(LEARNING_SECONDS / PACKET_SECONDS)):
        phone.send(answered)
        late.send(inner)
        await asyncio.sleep(PACKET_SECONDS)
    before = mixer.received

    def is_heard() -> bool:
        phone.send(answered)
        return mixer.received > before + 10

    assert await until(is_heard)
    assert late.received == 0
    for party in (phone, mixer, late, unused):
        party.close()
