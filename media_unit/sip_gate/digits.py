"""The keys that callers press: rtpengine tells each by a datagram, and the gate hands them to the calls."""

from __future__ import annotations

import asyncio

import orjson

from media_unit.sip_gate.config import Address

_KEYS = "0123456789*#ABCD"
_MOST_WAITING = 64
"""Keys of one call that wait to be read; more are forgotten, the newest first."""


class Keys:
    """The keys that one caller has pressed, and nobody has read yet."""

    def __init__(self) -> None:
        """Begin without keys."""
        self._queue: asyncio.Queue[str] = asyncio.Queue(_MOST_WAITING)
        self._pressed = asyncio.Event()

    def press(self, key: str) -> None:
        """Add a key, unless too many wait already."""
        if not self._queue.full():
            self._queue.put_nowait(key)
            self._pressed.set()

    @property
    def are_waiting(self) -> bool:
        """Return whether a key was pressed that nobody has read yet."""
        return not self._queue.empty()

    async def wait(self, seconds: float) -> bool:
        """Wait until a key is pressed that is then read by another function; return whether that was in time."""
        try:
            await asyncio.wait_for(self._pressed.wait(), seconds)
        except TimeoutError:
            return False
        return True

    async def next(self, seconds: float) -> str:
        """Wait for a key, and return it; "" if none was pressed in time."""
        try:
            key = await asyncio.wait_for(self._queue.get(), seconds)
        except TimeoutError:
            key = ""
        if self._queue.empty():
            self._pressed.clear()
        return key

    async def read_number(self, first: float, between: float, limit: int) -> str:
        """Return the digits that are pressed until `#`, or until nothing comes for `between` seconds.

        "" means that nothing was pressed for `first` seconds. `*` begins anew. At most `limit` digits are read.
        """
        typed = ""
        while len(typed) < limit:
            key = await self.next(between if typed else first)
            if key in ("", "#"):
                break
            typed = "" if key == "*" else typed + key
        return typed


class KeyListener(asyncio.DatagramProtocol):
    """A listener receives rtpengine's datagrams, in JSON, and knows which call each is about."""

    def __init__(self) -> None:
        """Begin without calls."""
        self._keys: dict[str, Keys] = {}
        """Id of a call at rtpengine -> its keys."""
        self._transport: asyncio.BaseTransport | None = None

    async def open(self, address: Address) -> None:
        """Listen at this address, which is to be one of this machine's own, that only rtpengine reaches."""
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=address)

    def close(self) -> None:
        """Stop listening."""
        if self._transport:
            self._transport.close()

    def listen_to(self, callid: str) -> Keys:
        """Return the keys of a call, to which those are added that are pressed from now on."""
        return self._keys.setdefault(callid, Keys())

    def forget(self, callid: str) -> None:
        """Forget the keys of a call that has ended."""
        self._keys.pop(callid, None)

    def datagram_received(self, data: bytes, addr: object) -> None:
        """Add a pressed key to the keys of its call; what is not understood is ignored."""
        try:
            event = orjson.loads(data)
        except ValueError:
            return
        if not isinstance(event, dict) or event.get("type") != "DTMF":
            return
        number, keys = event.get("event"), self._keys.get(str(event.get("callid")))
        if keys and isinstance(number, int) and 0 <= number < len(_KEYS):
            keys.press(_KEYS[number])
