"""The agent's link to the gate (the proxy before Janus), which acts for it on a participant's connection."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping

import aiohttp

from media_unit.conference_copy import HostedConference
from media_unit.config import UnitConfig
from media_unit.janus_config import Secrets
from media_unit.janus_link import JanusAway, JanusError

log = logging.getLogger("conferences.media.unit")

_SECONDS = 3


class GateLink:
    """The agent's client of the gate, the proxy before Janus: HTTP on loopback, under a secret path."""

    def __init__(self, config: UnitConfig, keys: Secrets) -> None:
        """Prepare requests to the gate (the proxy before Janus) of this unit; `keys` holds its secret path."""
        self._url = f"http://127.0.0.1:{config.control_port}/{keys.gate_path}"
        self.knows_visitors = False
        """Whether the gate reads tokens that are bound to a visitor; one of an earlier release does not."""

    async def greet(self, conferences: Iterable[HostedConference]) -> None:
        """Learn what the gate can do, and tell it who was removed from these conferences. Log it if it does not answer.

        It is called whenever the gate may have been started anew, as the gate itself stores nothing.
        """
        try:
            self.knows_visitors = bool((await self._read()).get("visitors"))
        except JanusAway as away:
            log.warning("%s", away)
            return
        for conference in conferences:
            if conference.arrangement.banned:
                await self.keep_out_removed(conference)

    async def keep_out_removed(self, conference: HostedConference) -> None:
        """Have the gate end the tokens of the visitors who were removed from a conference, and of nobody else.

        Only log it if the gate does not answer: it is told again when it has been started anew.
        """
        if not self.knows_visitors:
            return
        removed = [row.visitor for row in conference.arrangement.banned if row.visitor]
        order: dict[str, object] = {"janus_room": conference.janus_room, "removed": removed}
        try:
            error = await self._ask("PUT", order)
        except JanusAway as away:
            error = str(away)
        if error:
            log.warning("%s: removed visitors are not kept out: %s", conference.e164, error)

    async def has_sound_groups(self) -> bool:
        """Return whether the gate (the proxy before Janus) can put participants into groups of the sound mixer.

        A gate of an earlier release cannot, and may still run until Janus is started anew.
        """
        try:
            return await self._ask("GET") == ""
        except JanusAway:
            return False

    async def put_into_group(self, janus_room: str, participant: str, group: str) -> None:
        """Have the proxy before Janus (gate) put a participant into a group of its room's sound mixer.

        Raises JanusError if Janus refuses it, and JanusAway if the gate does not answer.
        """
        order: dict[str, object] = {
            "janus_room": janus_room,
            "participant": participant,
            "group": group,
        }
        if error := await self._ask("POST", order):
            raise JanusError(0, error)

    async def _read(self) -> Mapping[str, object]:
        """Return what the gate (the proxy before Janus) says about itself; raises JanusAway if it does not answer."""
        limit = aiohttp.ClientTimeout(total=_SECONDS)
        try:
            async with (
                aiohttp.ClientSession(timeout=limit) as http,
                http.get(self._url) as reply,
            ):
                answer: Mapping[str, object] = await reply.json()
                return answer
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            raise JanusAway(f"the gate does not answer: {error or type(error).__name__}") from None

    async def _ask(self, method: str, order: Mapping[str, object] | None = None) -> str:
        """Send the gate (the proxy before Janus) a request; return "" if it was carried out, else the gate's error.

        Raises JanusAway if the gate does not answer.
        """
        limit = aiohttp.ClientTimeout(total=_SECONDS)
        try:
            async with (
                aiohttp.ClientSession(timeout=limit) as http,
                http.request(method, self._url, json=order) as reply,
            ):
                return "" if reply.status == 200 else (await reply.text())[:200]
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise JanusAway(f"the gate does not answer: {error or type(error).__name__}") from None
