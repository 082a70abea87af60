"""The events that Janus sends when participants join or leave, or media stop, and the texts of participants.

Events are only hints: the agent then asks Janus who is in the room now.
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

_MOST_BYTES = 4096
"""The size of the largest text of a participant that is read, with what Janus says about it."""
_SCREEN = "screen"
"""The description that the join page gives to the stream of a screen."""
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
    shares: bool | None = None
    """The participant sends a screen now (True), or does not; `None`: the event does not say."""


def hint_of(event: dict[str, Any]) -> Hint | None:
    """Return what the agent may have to do after an event of Janus (a JSON object); `None` for an event of no concern.

    Pure. It is "joined", "changed" or "gone" for a participant's connection, or "receiving" when media stop or come
    again.
    """
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
            shares=_shares(data),
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


def _shares(data: dict[str, object]) -> bool | None:
    """Return whether a participant sends a screen, by an event of the video room; `None` if the event does not say."""
    if data.get("event") not in ("published", "updated", "unpublished"):
        return None
    streams = data.get("streams")
    return any(
        isinstance(stream, dict)
        and stream.get("description") == _SCREEN
        and not stream.get("disabled")
        for stream in (streams if isinstance(streams, list) else [])
    )


class EventListener:
    """A small web server to which Janus sends its events, and the texts that participants send to all.

    Janus buffers events while the agent is not there, but no texts.
    """

    def __init__(
        self,
        config: UnitConfig,
        keys: Secrets,
        on_hint: Callable[[Hint], None],
        on_text: Callable[[str, str, str], None],
    ) -> None:
        """Call `on_hint` for each event of Janus that the agent acts on; `open` begins to listen.

        `on_text` is called for each text with the Janus room, the participant's id there, and the text.
        """
        self._config, self._keys, self._on_hint, self._on_text = config, keys, on_hint, on_text
        self._runner: web.AppRunner | None = None
        self.texts_url = f"http://127.0.0.1:{config.event_port}/{keys.events}/texts"
        """The address to which Janus is to post the texts of participants."""

    async def open(self) -> None:
        """Start the web server to which Janus sends events and texts: on loopback, under a secret path."""
        app = web.Application(client_max_size=_MOST_BYTES)
        app.router.add_get(f"/{self._keys.events}", self._serve)
        app.router.add_post(f"/{self._keys.events}/texts", self._take_text)
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

    async def _take_text(self, request: web.Request) -> web.Response:
        """Take a participant's text from Janus, and call `on_text` with it; answer 400 to what is no JSON.

        Janus blocks the text room until the answer, so nothing is waited for here.
        """
        try:
            message = orjson.loads(await request.read())
        except ValueError:
            return web.Response(status=400)
        if isinstance(message, dict):
            room, sender, text = (str(message.get(name)) for name in ("room", "from", "text"))
            self._on_text(room, sender, text)
        return web.Response()

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
