"""A process that the agent starts and watches, and that goes on while the agent restarts.

The next agent finds it by a note: a file with its process id, start time and server name.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import secrets
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

import aiohttp

from media_unit.child_user import REPOSITORY, ChildUser, child_environment

log = logging.getLogger("conferences.media.janus")

_STARTS_IN = 15.0
_MOST_LOG = 20 * 1024 * 1024


class NotStarted(RuntimeError):
    """The exception says that a process did not start or does not answer; its text names the log file."""


class KeptProcess:
    """The agent keeps at most one process of a kind, which answers at `url` with its server name.

    Each start gives a new server name. The note `<kind>.json` in the unit's directory names the process, for the
    agent that comes after this one.
    """

    def __init__(self, directory: Path, kind: str, url: str, user: ChildUser) -> None:
        """Prepare a process of a kind ("janus" or "gate"), which runs as `user` and answers over HTTP at `url`."""
        self._directory, self._kind, self._url, self._user = directory, kind, url, user
        self._note = directory / f"{kind}.json"
        self._child: subprocess.Popen[bytes] | None = None
        self.name = ""
        self.pid = 0

    async def adopt(self) -> bool:
        """Take over the process that the agent before this one started, and return whether there was one.

        It must run and answer with its server name; one that runs and does not answer is killed.
        """
        note = self._read_note()
        if note is None or _started_at(note["pid"]) != note["started"]:
            return False
        self.pid, self.name = int(note["pid"]), note["name"]
        for _ in range(2):
            if await self.is_answering():
                log.info("adopted %s %s (process %s)", self._kind, self.name, self.pid)
                return True
        log.warning(
            "%s %s (process %s) is there and does not answer", self._kind, self.name, self.pid
        )
        await self.kill()
        return False

    def choose_name(self, prefix: str) -> str:
        """Return a new server name for the next start; the process must answer with it."""
        self.name = f"{prefix}-{secrets.token_hex(6)}"
        return self.name

    async def start(self, argv: Sequence[str], preload: str = "") -> None:
        """Start the process and wait until it answers. Raises NotStarted."""
        logs = self._open_log()
        try:
            # Not by asyncio: from Python 3.13 on, its end kills the processes that it has started.
            self._child = subprocess.Popen(  # noqa: S603  # the arguments are our own
                argv,
                stdin=subprocess.DEVNULL,
                stdout=logs,
                stderr=subprocess.STDOUT,
                cwd=REPOSITORY,
                env=child_environment(preload),
                start_new_session=True,
                **self._user.arguments,
            )
        finally:
            os.close(logs)
        self.pid = self._child.pid
        self._write_note()
        await self._wait_until_answering()
        log.info("started %s %s (process %s)", self._kind, self.name, self.pid)

    async def is_answering(self) -> bool:
        """Return whether our process answers over HTTP, with the server name that it got at its start."""
        limit = aiohttp.ClientTimeout(total=1)
        try:
            async with aiohttp.ClientSession(timeout=limit) as http, http.get(self._url) as reply:
                info = await reply.json(content_type=None)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
            return False
        return isinstance(info, dict) and info.get("server-name") == self.name

    async def wait_until_ended(self) -> None:
        """Wait until the process has ended; the kernel reports it, so nothing polls."""
        try:
            descriptor = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return
        loop, has_ended = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(descriptor, has_ended.set)
        try:
            await has_ended.wait()
        finally:
            loop.remove_reader(descriptor)
            os.close(descriptor)

    async def kill(self, politely: bool = False) -> None:
        """Kill the process at once; with `politely` it first has 5 s to close its files and end."""
        if not self.pid:
            return
        signals = [(signal.SIGTERM, 5.0)] if politely else []
        for signal_number, max_wait in [*signals, (signal.SIGKILL, 5.0)]:
            if self._is_gone():
                break
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal_number)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.wait_until_ended(), max_wait)
        self._note.unlink(missing_ok=True)
        if self._child:
            self._child.poll()  # so that no zombie stays
        self._child, self.pid = None, 0

    def _is_gone(self) -> bool:
        """Return whether our process has ended. A process with the same id but another start time is not ours."""
        note = self._read_note()
        return note is None or _started_at(self.pid) != note["started"]

    async def _wait_until_answering(self) -> None:
        """Wait until the process answers. Kills it and raises NotStarted after 15 s, or when it ends."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_STARTS_IN):
                while not self._is_gone():
                    if await self.is_answering():
                        return
                    await asyncio.sleep(0.02)
        await self.kill()
        raise NotStarted(f"{self._kind} does not come up; see {self._log_path}")

    # ---- its log, and the note about it -------------------------------------------------------

    @property
    def _log_path(self) -> Path:
        """Return the path of the file with the process's output."""
        return self._directory / "log" / f"{self._kind}.log"

    def _open_log(self) -> int:
        """Open the log file of the process for appending; one that is too long is first put aside."""
        path = self._log_path
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and path.stat().st_size > _MOST_LOG:
            path.replace(path.with_suffix(".log.1"))
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640)

    def _write_note(self) -> None:
        """Write process id, start time and server name to a file, by which a restarted agent finds the process."""
        note = {"pid": self.pid, "started": _started_at(self.pid), "name": self.name}
        new = self._note.with_suffix(".new")
        new.write_text(json.dumps(note))
        new.replace(self._note)
        (self._directory / f"{self._kind}.pid").write_text(f"{self.pid}\n")

    def _read_note(self) -> dict[str, str] | None:
        """Return the file's process id, start time and server name; `None` if there is no file or it is damaged."""
        try:
            note = json.loads(self._note.read_text())
            return {key: str(note[key]) for key in ("pid", "started", "name")}
        except (OSError, ValueError, KeyError, TypeError):
            return None


def _started_at(pid: int | str) -> str:
    """Return when a process started, in ticks since the machine's start, as text; "" if it has ended.

    Process ids are used again: the start tells a process from a later one with the same id.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    # In proc_pid_stat(5) the state (Z, X: dead) and the start time are the 3rd and 22nd field; the name is the 2nd.
    after_name = stat.rpartition(")")[2].split()
    return "" if after_name[0] in "ZX" else after_name[19]
