"""The agent's link to the gate (the proxy before Janus), which acts for it on a participant's connection."""

from __future__ import annotations

from collections.abc import Mapping

import aiohttp

from media_unit.config import UnitConfig
from media_unit.janus_config import Secrets
from media_unit.janus_link import JanusAway, JanusError

_SECONDS = 3


class GateLink:
    """The agent's client of the gate, the proxy before Janus: HTTP on loopback, under a secret path."""

    def __init__(self, config: UnitConfig, keys: Secrets) -> None:
        """Prepare requests to the gate (the proxy before Janus) of this unit; `keys` holds its secret path."""
        self._url = f"http://127.0.0.1:{config.control_port}/{keys.gate_path}"

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
        order = {"janus_room": janus_room, "participant": participant, "group": group}
        if error := await self._ask("POST", order):
            raise JanusError(0, error)

    async def _ask(self, method: str, order: Mapping[str, str] | None = None) -> str:
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
