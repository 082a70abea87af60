"""A monitor of a conference is one value: what is sent, to which address, and until when. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from wire.monitors import MonitorAddress

SILENT_FOR = timedelta(seconds=60)
"""A monitor of a conference manager is over after this time without a keep-alive (CSS §10)."""

SILENT_FOR_HTTP = timedelta(seconds=30)
"""A monitor of an HTTP client, which sends its heartbeat every 10 s, is over after this time without one."""

NOTED_EVERY = timedelta(seconds=5)
"""A keep-alive that comes sooner after the last one that was saved is not saved."""


class Monitor(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A monitor is known by its address (`ip`, `port`) within its conference.

    It is over at `due_at`: before it is `running`, if the media unit has not answered the question `question`; then,
    if no keep-alive has come. `mtid` "" is the mixed sound of all. `request` is the key of the request in the inbox.
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
        """The address as messages name it."""
        return MonitorAddress(ip=self.ip, port=self.port)

    @property
    def silent_for(self) -> timedelta:
        """The time without a keep-alive after which it is over."""
        return SILENT_FOR_HTTP if self.over_http else SILENT_FOR

    def alive(self, now: datetime) -> Monitor:
        """Return the monitor after a keep-alive; the same one if the last that was saved is not long ago."""
        if not self.running or self.due_at - now > self.silent_for - NOTED_EVERY:
            return self
        return msgspec.structs.replace(self, due_at=now + self.silent_for)
