"""The socket by which the gate of telephones exchanges SIP messages with the edge (Kamailio)."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from aiosipua import SipRequest, SipResponse
from aiosipua.transport import SipTransport

from media_unit.sip_gate.config import Address


class _Receiver(asyncio.DatagramProtocol):
    """The side of the socket that asyncio calls."""

    def __init__(self, owner: EdgeTransport) -> None:
        """Hand datagrams to `owner`."""
        self._owner = owner

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Hand a datagram on, with where it comes from."""
        self._owner.receive(data, (addr[0], addr[1]))


@dataclass
class EdgeTransport(SipTransport):
    """A transport of the library aiosipua that uses UDP at `local_addr`.

    That of the library itself stops at an assertion with the event loop of Python 3.11.
    """

    _socket: asyncio.DatagramTransport | None = field(default=None, init=False, repr=False)

    async def start(self) -> None:
        """Open the socket."""
        loop = asyncio.get_running_loop()
        opened, _ = await loop.create_datagram_endpoint(
            lambda: _Receiver(self), local_addr=self.local_addr
        )
        self._socket = opened

    async def stop(self) -> None:
        """Close the socket."""
        if self._socket:
            self._socket.close()

    def send(self, message: SipRequest | SipResponse, addr: Address) -> None:
        """Send a message to an address."""
        if self._socket:
            self._socket.sendto(bytes(message), addr)

    def receive(self, data: bytes, source: Address) -> None:
        """Hand a received message to the library, which ignores what it cannot parse."""
        self._dispatch(data, source)
