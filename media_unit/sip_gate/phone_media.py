"""The sound of one call: rtpengine stands between the telephone and the mixer, in whatever format the telephone has.

Towards the telephone nothing ever changes: to play a prompt, to enter a conference, and to follow it to another media
unit, only the inner side is connected anew.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import NamedTuple

from aiosipua import SdpMessage, parse_sdp
from aiosipua.sdp import Codec, serialize_sdp

from media_unit.sip_gate.rtpengine import NoCommonFormat, Rtpengine, RtpengineError
from wire.telephones import LegAddress

_TO_MIXER = {"mask": ["all"], "transcode": ["opus", "telephone-event"]}
"""The mixer gets Opus, whatever format the telephone has."""
_FORMATS_WITH_KEYS = {"G722", "PCMA", "PCMU"}
_COMMON: dict[str, object] = {"ICE": "remove", "replace": ["origin"]}
_AS_DESCRIBED = "asymmetric"
"""This flag makes rtpengine send sound only to the address that a description names.

Without it, it sends to whatever address sound has come from: a late leg of the same call in the mixer, which is removed
soon after, would get the caller's sound, and nobody would hear the caller any more.
"""
_SECONDS_UNKNOWN = 5.0
"""A prompt whose length rtpengine does not tell is taken to last so long."""


class _Inner(NamedTuple):
    """The inner side of a call at rtpengine: where it takes sound for the telephone, and in which format."""

    sdp: SdpMessage
    address: LegAddress
    keys: Codec | None
    """The format of key presses, without which the telephone would not send any."""


class PhoneMedia:
    """The sound of one call, known to rtpengine as `callid`; `offer` is the telephone's own description of it."""

    def __init__(self, engine: Rtpengine, callid: str, offer: str, unused: LegAddress) -> None:
        """Prepare; nothing is sent yet. `unused` is our address to which sound goes outside of conferences."""
        self._engine, self._callid, self._unused = engine, callid, unused
        self._offer = usable_offer(offer)
        self._phone, self._mixer = {"from-tag": "phone"}, {"from-tag": "mixer"}
        self._inner: _Inner | None = None

    async def answer(self) -> SdpMessage:
        """Return the sound's description with which the call is answered. Raises RtpengineError, NoCommonFormat."""
        offered = await self._ask(
            "offer",
            **self._phone,
            sdp=self._offer,
            **{"transport-protocol": "RTP/AVP"},
            codec=_TO_MIXER,
        )
        self._inner = _inner_of(parse_sdp(str(offered["sdp"])))
        answered = await self._ask(
            "answer",
            **self._phone,
            **{"to-tag": "mixer"},
            sdp=self._description(self._unused),
            flags=[_AS_DESCRIBED],
        )
        await self._ask("block DTMF", **self._phone)
        return parse_sdp(str(answered["sdp"]))

    @property
    def inner_address(self) -> LegAddress:
        """Return where rtpengine takes the sound for the telephone from the mixer, once the call is answered."""
        assert self._inner is not None
        return self._inner.address

    async def play(self, prompt: Path) -> float:
        """Begin to play a file to the telephone, in place of a former one; return for how many seconds.

        It is heard only while the telephone is in no conference. Raises RtpengineError.
        """
        started = await self._ask("play media", **self._phone, file=str(prompt))
        duration = started.get("duration")
        return duration / 1000 if isinstance(duration, int) and duration > 0 else _SECONDS_UNKNOWN

    async def stop_playing(self) -> None:
        """Stop the file that is played, if there is one. Raises RtpengineError."""
        await self._ask("stop media", **self._phone)

    async def connect(self, mixer: LegAddress) -> None:
        """Exchange the telephone's sound with this address from now on. Raises RtpengineError."""
        offer = parse_sdp(self._offer)
        protocol = offer.media[0].proto
        await self._ask(
            "offer",
            **self._mixer,
            **{"to-tag": "phone", "transport-protocol": protocol},
            sdp=self._description(mixer),
            flags=["port-latching", _AS_DESCRIBED],
        )
        await self._ask(
            "answer",
            **self._mixer,
            **{"to-tag": "phone", "transport-protocol": "RTP/AVP"},
            sdp=self._offer,
            flags=["port-latching"],
        )

    async def disconnect(self) -> None:
        """Exchange the telephone's sound with nobody, so that prompts are heard again. Raises RtpengineError."""
        await self.connect(self._unused)

    async def close(self) -> None:
        """Tell rtpengine that the call has ended; errors are ignored, as rtpengine forgets silent calls by itself."""
        try:
            await self._ask("delete", **{"delete-delay": 0})
        except RtpengineError:
            return

    async def _ask(self, command: str, **fields: object) -> dict[str, object]:
        """Send a command about this call to rtpengine, and return the answer. Raises RtpengineError."""
        return await self._engine.ask(command, **{"call-id": self._callid, **_COMMON, **fields})

    def _description(self, address: LegAddress) -> str:
        """Return the description (SDP) of our own inner side: sound as Opus at an address; all else is refused."""
        assert self._inner is not None
        lines = [
            "v=0",
            f"o=- 1 1 IN IP4 {address.ip}",
            "s=-",
            f"c=IN IP4 {address.ip}",
            "t=0 0",
        ]
        for media in self._inner.sdp.media:
            if media.media != "audio":
                lines.append(f"m={media.media} 0 {media.proto} 0")
                continue
            sound, keys = self._inner.address.pt, self._inner.keys
            formats = f"{sound} {keys.payload_type}" if keys else f"{sound}"
            lines.append(f"m=audio {address.port} RTP/AVP {formats}")
            lines.append(f"a=rtpmap:{sound} opus/48000/2")
            if keys:
                lines.append(f"a=rtpmap:{keys.payload_type} telephone-event/{keys.clock_rate}")
            lines += ["a=ptime:20", "a=sendrecv"]
        return "\r\n".join(lines) + "\r\n"


def usable_offer(offer: str) -> str:
    """Return a telephone's description of its sound without formats in which its pressed keys would not be understood.

    rtpengine understands keys only if they have the clock rate of the sound: 48 kHz with Opus, which telephones seldom
    have, 8 kHz with G.722 and G.711. So Opus is left out where another format can be taken.
    """
    described = parse_sdp(offer)
    audio = described.audio
    if audio is None:
        return offer
    names = {codec.encoding_name.upper() for codec in audio.codecs}
    has_fast_keys = any(
        codec.encoding_name.lower() == "telephone-event" and codec.clock_rate == 48000
        for codec in audio.codecs
    )
    if has_fast_keys or names.isdisjoint(_FORMATS_WITH_KEYS):
        return offer
    opus = {
        str(codec.payload_type) for codec in audio.codecs if codec.encoding_name.lower() == "opus"
    }
    audio.codecs = [codec for codec in audio.codecs if str(codec.payload_type) not in opus]
    audio.formats = [payload for payload in audio.formats if payload not in opus]
    return serialize_sdp(described)


def _inner_of(sdp: SdpMessage) -> _Inner:
    """Return the inner side that rtpengine has offered. Raises NoCommonFormat if it has no sound."""
    audio, place = sdp.audio, sdp.rtp_address
    formats = {codec.encoding_name.lower(): codec for codec in audio.codecs} if audio else {}
    if audio is None or place is None or "opus" not in formats:
        raise NoCommonFormat("offer: no sound that both sides understand")
    address = LegAddress(ip=place[0], port=place[1], pt=formats["opus"].payload_type)
    return _Inner(sdp, address, formats.get("telephone-event"))


class UnusedSocket(asyncio.DatagramProtocol):
    """A socket to which rtpengine sends the sound of callers who are in no conference; nobody reads it."""

    async def open(self, ip: str) -> LegAddress:
        """Open the socket at a free port of this address, and return where it is."""
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(ip, 0))
        return LegAddress(ip=ip, port=self._transport.get_extra_info("sockname")[1])

    def close(self) -> None:
        """Close the socket."""
        self._transport.close()
