"""The client of rtpengine, the relay through which all sound of telephones runs, by its protocol "ng" over UDP.

A command is a dictionary in the notation "bencode", after a word that the answer repeats.
"""

from __future__ import annotations

import asyncio
import secrets

from media_unit.sip_gate.config import Address

_TRY_AGAIN_AFTER = 1.0
_TRIES = 3
"""UDP may lose a command, so it is sent up to three times, a second apart; rtpengine answers a repeated one alike."""


class RtpengineError(Exception):
    """The exception says that rtpengine has refused a command, or does not answer."""


class NoCommonFormat(RtpengineError):
    """The exception says that the telephone has no format of sound that rtpengine can convert."""


class Rtpengine(asyncio.DatagramProtocol):
    """A client of one rtpengine; `ask` sends a command and returns the answer."""

    def __init__(self) -> None:
        """Begin without a connection; `open` makes it."""
        self._transport: asyncio.DatagramTransport | None = None
        self._waiting: dict[bytes, asyncio.Future[dict[str, object]]] = {}
        """Word of an open command -> its answer."""

    async def open(self, address: Address) -> None:
        """Make the socket for commands to the rtpengine at this address."""
        loop = asyncio.get_running_loop()
        opened, _ = await loop.create_datagram_endpoint(lambda: self, remote_addr=address)
        self._transport = opened

    def close(self) -> None:
        """Close the socket."""
        if self._transport:
            self._transport.close()

    def datagram_received(self, data: bytes, addr: object) -> None:
        """Hand an answer to whoever waits for it; one that cannot be read is ignored, and the command is repeated."""
        word, _, body = data.partition(b" ")
        answer = self._waiting.get(word)
        if answer is None or answer.done():
            return
        try:
            decoded, _ = decode(body)
        except (ValueError, IndexError):
            return
        if isinstance(decoded, dict):
            answer.set_result(decoded)

    def error_received(self, exc: Exception) -> None:
        """Ignore that nobody listens at the address: the command is repeated, and then counts as not answered."""

    async def ask(self, command: str, **fields: object) -> dict[str, object]:
        """Send a command, and return the answer. Raises RtpengineError. `_` in names of fields stands for `-`."""
        assert self._transport is not None
        word = secrets.token_hex(8).encode()
        named = {name.replace("_", "-"): value for name, value in fields.items()}
        packet = word + b" " + encode({"command": command, **named})
        answer = self._waiting[word] = asyncio.get_running_loop().create_future()
        try:
            for _ in range(_TRIES):
                self._transport.sendto(packet)
                await asyncio.wait([answer], timeout=_TRY_AGAIN_AFTER)
                if answer.done():
                    break
            else:
                raise RtpengineError(f"{command}: no answer")
        finally:
            del self._waiting[word]
        result: dict[str, object] = answer.result()
        if result.get("result") not in ("ok", "pong"):
            raise RtpengineError(f"{command}: {result.get('error-reason', result)}")
        return result


def encode(value: object) -> bytes:
    """Return a text, whole number, list or dictionary in bencode."""
    if isinstance(value, int):
        return b"i%de" % value
    if isinstance(value, list):
        return b"l" + b"".join(map(encode, value)) + b"e"
    if isinstance(value, dict):
        pairs = sorted((str(name), member) for name, member in value.items())
        return b"d" + b"".join(encode(name) + encode(member) for name, member in pairs) + b"e"
    raw = str(value).encode()
    return b"%d:" % len(raw) + raw


def decode(data: bytes, start: int = 0) -> tuple[object, int]:
    """Return the value that begins at `start` of a bencoded text, and where it ends. Raises ValueError, IndexError."""
    kind = data[start : start + 1]
    if kind == b"i":
        end = data.index(b"e", start)
        return int(data[start + 1 : end]), end + 1
    if kind in (b"l", b"d"):
        values: list[object] = []
        start += 1
        while data[start : start + 1] != b"e":
            value, start = decode(data, start)
            values.append(value)
        if kind == b"l":
            return values, start + 1
        return dict(zip(map(str, values[::2]), values[1::2], strict=True)), start + 1
    colon = data.index(b":", start)
    end = colon + 1 + int(data[start:colon])
    return data[colon + 1 : end].decode(errors="replace"), end
