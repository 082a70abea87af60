"""The Janus of a unit and the gate (the proxy before it), as processes that the agent looks after.

Both go on while the agent restarts; one that hangs is killed and started again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shutil
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from media_unit.child_user import ChildUser
from media_unit.config import UnitConfig
from media_unit.janus_config import Secrets, write_config, write_gate_config
from media_unit.kept_process import KeptProcess, NotStarted

log = logging.getLogger("conferences.media.janus")

_PULSE_SECONDS = 5.0
_MOST_MISSED = 3
"""So many unanswered checks end the proxy before Janus (gate): that cuts everybody off, so a busy machine gets time."""


class JanusProcess(KeptProcess):
    """The process of a unit's Janus, with its configuration."""

    def __init__(self, config: UnitConfig, keys: Secrets, user: ChildUser) -> None:
        """Prepare the process, which runs as `user`; `keys` are the secrets for its configuration."""
        url = f"http://127.0.0.1:{config.http_port}/janus/info"
        super().__init__(config.directory, "janus", url, user)
        self._config, self._keys = config, keys

    async def start_janus(self) -> None:
        """Write the configuration files and start Janus. Raises NotStarted."""
        program = shutil.which("janus")
        if program is None:
            raise NotStarted(
                "the program `janus` is not installed (apt-get install janus; on Debian 13: deploy/fetch_janus.sh)"
            )
        name = self.choose_name(f"cmu-{self._config.pid}")
        folder = write_config(self._config, self._keys, name, Path(program), self._user)
        argv = (program, "-F", str(folder), "-C", str(folder / "janus.jcfg"), "-o")
        await self.start(argv, self._config.lo_shim)


class GateProcess(KeptProcess):
    """The process of a unit's gate, the proxy before its Janus (`media_unit/gate.py`)."""

    def __init__(self, config: UnitConfig, keys: Secrets, user: ChildUser) -> None:
        """Prepare the process, which runs as `user`; `keys` are the secrets for its settings."""
        url = f"http://{config.host}:{config.ws_port}/healthz"
        super().__init__(config.directory, "gate", url, user)
        self._config, self._keys = config, keys

    async def keep_gate_running(
        self, is_up: asyncio.Event, greet: Callable[[], Awaitable[None]]
    ) -> None:
        """Keep the gate, the proxy before Janus, running until cancelled; the event `is_up` is set while it runs.

        `greet` is called each time before that, to tell the gate what it has to know.
        """
        await self.adopt()
        while True:
            try:
                if not self.pid:
                    await self._start_gate()
                await greet()
                is_up.set()
                log.error(
                    "the gate is dead: %s; it is started again", await self._watch_until_dead()
                )
            except (NotStarted, OSError) as error:
                log.error("gate: %s", error)
                await asyncio.sleep(2)
            is_up.clear()
            await self.kill()

    async def _start_gate(self) -> None:
        """Write the settings file of the gate (the proxy before Janus) and start its process. Raises NotStarted."""
        name = self.choose_name(f"gate-{self._config.pid}")
        path = write_gate_config(self._config, self._keys, name, self._user)
        await self.start((sys.executable, "-m", "media_unit.gate", str(path)))

    async def _watch_until_dead(self) -> str:
        """Wait until the gate (the proxy before Janus) is gone or hangs; return the reason."""
        missed = 0
        while missed < _MOST_MISSED:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.wait_until_ended(), _PULSE_SECONDS)
                return "its process ended"
            missed = 0 if await self.is_answering() else missed + 1
        return "it hangs"
