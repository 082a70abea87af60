"""A monitor sends the sound or picture of a terminal to an address. This module defines its value. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address

import msgspec

from wire.monitors import MonitorAddress

KEEP_ALIVE_TIMEOUT = timedelta(seconds=60)
"""A monitor of a conference manager ends after this time without a keep-alive (CSS §10)."""

HTTP_KEEP_ALIVE_TIMEOUT = timedelta(seconds=30)
"""A monitor of an HTTP client, which sends a heartbeat every 10 s, ends after this time without one."""

MIN_SAVE_INTERVAL = timedelta(seconds=5)
"""A keep-alive that comes sooner than this after the last saved one is not saved."""


class Monitor(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Represent the value of a monitor, whose address (`ip`, `port`) identifies it within its conference.

    `mode`: see `wire.monitors`. `mtid`: the monitored terminal; "" means the mixed sound of all. `running`: the media
    unit sends it. `due_at`: when it ends, unless before the unit answers our request with the id `question`, or, while
    it is running, a keep-alive comes. `request`, `reqid`: key in the inbox, and own id, of the request for the monitor.
    `rtcp`: the address for receiver reports. `payload`: the payload type in the RTP packets.
    """

    ip: str
    port: int
    mode: int
    mtid: str = ""
    due_at: datetime
    running: bool = False
    question: str = ""
    request: str = ""
    reqid: str | None = None
    over_http: bool = False
    rtcp: tuple[str, int] | None = None
    payload: int | None = None

    @property
    def address(self) -> MonitorAddress:
        """Return the address to which a terminal's sound or picture is sent, as a field of messages."""
        return MonitorAddress(ip=self.ip, port=self.port)

    @property
    def ip_and_port(self) -> tuple[str, int]:
        """Return the address to which the sound or picture is sent, as a pair that can be compared."""
        return self.ip, self.port

    @property
    def address_text(self) -> str:
        """Return for the log the address to which the sound or picture is sent."""
        return f"{self.ip} port {self.port}"

    @property
    def timeout(self) -> timedelta:
        """Return the time without a keep-alive after which the sound or picture is not sent any more."""
        return HTTP_KEEP_ALIVE_TIMEOUT if self.over_http else KEEP_ALIVE_TIMEOUT

    def kept_alive(self, now: datetime) -> Monitor:
        """Return the monitor (sending of sound or picture) after a keep-alive.

        It is unchanged if the last saved keep-alive is less than 5 s ago, so that few keep-alives are saved.
        """
        if not self.running or self.due_at - now > self.timeout - MIN_SAVE_INTERVAL:
            return self
        return msgspec.structs.replace(self, due_at=now + self.timeout)


def plain_address(text: str) -> str | None:
    """Return an IP address in its canonical form; `None` if the text is not the address of a single host.

    An IPv4 address that is written as an IPv6 address becomes IPv4, so that rules for IPv4 addresses apply to it.
    """
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        if address.scope_id:
            return None
        address = address.ipv4_mapped or address
    return None if address.is_unspecified or address.is_multicast else str(address)
