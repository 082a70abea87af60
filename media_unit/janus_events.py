"""The events that Janus sends when participants join or leave, or media stop.

They are only hints: the agent then asks Janus who is in the room now.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson
from aiohttp import WSMsgType, web

from media_unit.config import UnitConfig
from media_unit.janus_config import Secrets

log = logging.getLogger("conferences.media.janus")

_PLUGIN, _HANDLE, _MEDIA = 64, 2, 32
"""The numbers by which Janus names the types of its events."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hint:
    """A hint says that something happened at Janus; `handle` identifies a participant's connection.

    `janus_room` is "" where it is not known.
    """

    kind: str  # joined, changed, receiving, gone
    handle: int = 0
    plugin: str = ""
    janus_room: str = ""
    participant: str = ""
    receiving: bool = True
    medium: str = ""


def hint_of(event: dict[str, Any]) -> Hint | None:
    """Return what an event of Janus (a JSON object) says, as a hint; `None` if the agent need not act on it. Pure."""
    kind, handle, details = event.get("type"), event.get("handle_id") or 0, event.get("event")
    if not isinstance(details, dict) or not isinstance(handle, int):
        return None
    if kind == _PLUGIN and isinstance(data := details.get("data"), dict) and data.get("room"):
        return Hint(
            kind="joined" if data.get("event") == "joined" else "changed",
            handle=handle,
            plugin=str(details.get("plugin")),
            janus_room=str(data["room"]),
            participant=str(data.get("id") or data.get("username") or ""),
        )
    # The subtype 1 tells that media have stopped or come again.
    if kind == _MEDIA and event.get("subtype") == 1 and "receiving" in details:
        return Hint(
            kind="receiving",
            handle=handle,
            receiving=bool(details["receiving"]),
            medium=str(details.get("media") or details.get("mid") or ""),
        )
    if kind == _HANDLE and details.get("name") == "detached":
        return Hint(kind="gone", handle=handle)
    return None


class EventListener:
    """A listener is a small WebSocket server to which Janus sends its events.

    Janus buffers events while the agent is not there.
    """

    def __init__(self, config: UnitConfig, keys: Secrets, on_hint: Callable[[Hint], None]) -> None:
        """Call `on_hint` for each event of Janus that the agent acts on; `open` begins to listen."""
        self._config, self._keys, self._on_hint = config, keys, on_hint
        self._runner: web.AppRunner | None = None

    async def open(self) -> None:
        """Start the WebSocket server to which Janus sends its events: on loopback, under a secret path."""
        app = web.Application()
        app.router.add_get(f"/{self._keys.events}", self._serve)
        self._runner = web.AppRunner(
            app, handle_signals=False, access_log=None, shutdown_timeout=0.2
        )
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._config.event_port).start()

    async def close(self) -> None:
        """Stop listening for events of Janus."""
        if self._runner:
            await self._runner.cleanup()

    async def _serve(self, request: web.Request) -> web.WebSocketResponse:
        """Read the events that Janus sends over its WebSocket, until it closes."""
        socket = web.WebSocketResponse(protocols=("janus-event-handlers",))
        await socket.prepare(request)
        async for frame in socket:
            if frame.type is WSMsgType.TEXT:
                self._report_events(frame.data)
        return socket

    def _report_events(self, text: str) -> None:
        """Call `on_hint` for each event in a message of Janus (JSON: one event or a list) that the agent acts on."""
        try:
            events = orjson.loads(text)
        except ValueError:
            log.warning("event that is not JSON")
            return
        for event in events if isinstance(events, list) else [events]:
            if isinstance(event, dict) and (hint := hint_of(event)):
                self._on_hint(hint)
