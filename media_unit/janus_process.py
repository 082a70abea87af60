"""The Janus beside the agent: found again, started, killed. It outlives the agent, not its hangs."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import secrets
import shutil
import signal
from pathlib import Path

import aiohttp

from media_unit.config import UnitConfig
from media_unit.janus_config import Secrets, write_config

log = logging.getLogger("conferences.media.janus")

_STARTS_IN = 15.0
_MOST_LOG = 20 * 1024 * 1024


class JanusNotStarted(RuntimeError):
    """Janus did not come up; the text says where to look."""


class JanusProcess:
    """The object keeps at most one process of Janus running. Each start has a new server name, which identifies it."""

    def __init__(self, config: UnitConfig, keys: Secrets) -> None:
        self._config, self._keys = config, keys
        self._note = config.directory / "janus.json"
        self._child: asyncio.subprocess.Process | None = None
        self.name = ""
        self.pid = 0

    async def adopt(self) -> bool:
        """Adopt the Janus that a previous agent left, if it runs and answers with its name."""
        note = self._read_note()
        if note is None or _started_at(note["pid"]) != note["started"]:
            return False
        self.pid, self.name = int(note["pid"]), note["name"]
        for _ in range(2):
            if await self.answers():
                log.info("adopted Janus %s (process %s)", self.name, self.pid)
                return True
        log.warning("Janus %s (process %s) is there and does not answer", self.name, self.pid)
        await self.kill()
        return False

    async def start(self) -> None:
        """Start Janus and wait until it answers. Raises JanusNotStarted."""
        program = shutil.which("janus")
        if program is None:
            raise JanusNotStarted(
                "the program `janus` is not installed (apt-get install janus; on Debian 13: deploy/fetch_janus.sh)"
            )
        self.name = f"cmu-{self._config.pid}-{secrets.token_hex(6)}"
        folder = write_config(self._config, self._keys, self.name, Path(program))
        env = dict(os.environ)
        if self._config.lo_shim:
            env["LD_PRELOAD"] = self._config.lo_shim
        logs = self._open_log()
        try:
            self._child = await asyncio.create_subprocess_exec(
                *(program, "-F", str(folder), "-C", str(folder / "janus.jcfg"), "-o"),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=logs,
                stderr=asyncio.subprocess.STDOUT,
                env=env,
                start_new_session=True,
            )
        finally:
            os.close(logs)
        self.pid = self._child.pid
        self._write_note()
        await self._until_it_answers()
        log.info("started Janus %s (process %s)", self.name, self.pid)

    async def answers(self) -> bool:
        """Return whether the Janus that answers is the one that was started or adopted."""
        limit = aiohttp.ClientTimeout(total=1)
        url = f"http://127.0.0.1:{self._config.http_port}/janus/info"
        try:
            async with aiohttp.ClientSession(timeout=limit) as http, http.get(url) as reply:
                info = await reply.json(content_type=None)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
            return False
        return isinstance(info, dict) and info.get("server-name") == self.name

    async def kill(self, politely: bool = False) -> None:
        """End Janus at once, or `politely` with time to close its recordings."""
        if not self.pid:
            return
        steps = [(signal.SIGTERM, 5.0)] if politely else []
        for signum, patience in [*steps, (signal.SIGKILL, 5.0)]:
            if self._gone():
                break
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signum)
            await self._until_gone(patience)
        self._note.unlink(missing_ok=True)
        self._child, self.pid = None, 0

    def _gone(self) -> bool:
        if self._child is not None:
            return self._child.returncode is not None
        note = self._read_note()
        return note is None or _started_at(self.pid) != note["started"]

    async def _until_gone(self, patience: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience):
                while not self._gone():
                    await asyncio.sleep(0.02)

    async def _until_it_answers(self) -> None:
        assert self._child is not None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_STARTS_IN):
                while self._child.returncode is None:
                    if await self.answers():
                        return
                    await asyncio.sleep(0.02)
        await self.kill()
        raise JanusNotStarted(f"Janus does not come up; see {self._log_path}")

    # ---- what is remembered of it -------------------------------------------------------------

    @property
    def _log_path(self) -> Path:
        return self._config.directory / "log" / "janus.log"

    def _open_log(self) -> int:
        path = self._log_path
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and path.stat().st_size > _MOST_LOG:
            path.replace(path.with_suffix(".log.1"))
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640)

    def _write_note(self) -> None:
        note = {"pid": self.pid, "started": _started_at(self.pid), "name": self.name}
        new = self._note.with_suffix(".new")
        new.write_text(json.dumps(note))
        new.replace(self._note)
        (self._config.directory / "janus.pid").write_text(f"{self.pid}\n")

    def _read_note(self) -> dict[str, str] | None:
        try:
            note = json.loads(self._note.read_text())
            return {key: str(note[key]) for key in ("pid", "started", "name")}
        except (OSError, ValueError, KeyError, TypeError):
            return None


def _started_at(pid: int | str) -> str:
    """Return the start of a process in ticks of the kernel; "" if it has ended.

    It tells a process from a later one with the same number.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    after_name = stat.rpartition(")")[2].split()
    return "" if after_name[0] in "ZX" else after_name[19]
