"""A telephone for tests: baresip, which sings one tone, writes down what it hears, and whose keys can be pressed."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
import subprocess
from pathlib import Path

import numpy as np
import orjson
import pytest

from deploy.stand.server import SBIN
from tests.media.people import PATIENCE, until

_PROGRAMS = ("kamailio", "rtpengine", "baresip")
needs_telephone_programs = pytest.mark.skipif(
    any(not shutil.which(name, path=f"{os.environ['PATH']}:{SBIN}") for name in _PROGRAMS),
    reason="needs Debian's kamailio, rtpengine-daemon and baresip-core, which `make test` installs unless SIP=0",
)

Body = dict[str, object]
_MODULES = ("account", "cons", "ctrl_tcp", "menu", "g711", "opus", "ausine", "sndfile", "srtp")
_CONFIG = """\
module_path /usr/lib/baresip/modules
sip_listen 127.0.0.1:{sip}
call_local_timeout 120
audio_player ausine,{tone}
audio_source ausine,{tone}
audio_alert ausine,{tone}
ausrc_srate 48000
ausrc_channels 2
rtp_ports {rtp}-{last}
snd_path {heard}
cons_listen 127.0.0.1:{keys}
ctrl_tcp_listen 127.0.0.1:{control}
net_af ipv4
"""


class Telephone:
    """A telephone as a process of its own."""

    def __init__(
        self, directory: Path, first_port: int, tone: int = 660, options: str = ""
    ) -> None:
        self._directory, self._ports = directory, first_port
        self._tone, self._options = tone, options
        self._process: subprocess.Popen[bytes] | None = None
        self.events: list[Body] = []

    async def start(self) -> Telephone:
        """Start the telephone, which registers nowhere."""
        heard = self._directory / "heard"
        heard.mkdir(parents=True)
        first = self._ports
        text = _CONFIG.format(
            sip=first,
            tone=self._tone,
            heard=heard,
            keys=first + 4,
            control=first + 6,
            rtp=first + 10,
            last=first + 29,
        )
        text += "".join(
            f"module {name}.so\n"
            for name in _MODULES
            if name not in ("account", "menu", "ctrl_tcp")
        )
        text += "".join(f"module_app {name}.so\n" for name in ("account", "menu", "ctrl_tcp"))
        (self._directory / "config").write_text(text)
        (self._directory / "accounts").write_text(
            f'"Front desk" <sip:5551234@127.0.0.1>;regint=0{self._options}\n'
        )
        (self._directory / "contacts").write_text("")
        with (self._directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                ["baresip", "-f", str(self._directory)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        assert await until(self._is_listening), self.log()
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", first + 6)
        self._listening = asyncio.create_task(self._listen())
        return self

    def _is_listening(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self._ports + 6)) == 0

    async def _listen(self) -> None:
        """Keep what the telephone says of its calls: netstrings with JSON."""
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                length = int((await self._reader.readuntil(b":"))[:-1])
                self.events.append(orjson.loads(await self._reader.readexactly(length)))
                await self._reader.readexactly(1)

    def log(self) -> str:
        """Return the end of the telephone's log."""
        return (self._directory / "log").read_text(errors="replace")[-3000:]

    async def _command(self, name: str, parameters: str = "") -> None:
        command = orjson.dumps({"command": name, "params": parameters})
        self._writer.write(b"%d:%s," % (len(command), command))
        await self._writer.drain()

    async def dial(self, address: str) -> None:
        """Call a SIP address; what happened in earlier calls is forgotten."""
        self.events.clear()
        await self._command("dial", address)

    async def hang_up(self) -> None:
        await self._command("hangup")

    async def press(self, keys: str) -> None:
        """Press keys one after the other, as a person does."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for key in keys:
                sender.sendto(key.encode(), ("127.0.0.1", self._ports + 4))
                await asyncio.sleep(0.15)
                sender.sendto(b"\x04", ("127.0.0.1", self._ports + 4))
                await asyncio.sleep(0.1)

    def events_of(self, kind: str) -> list[Body]:
        """Return the events of a kind, such as CALL_ESTABLISHED."""
        return [event for event in self.events if event.get("type") == kind]

    async def receives(self, kind: str, within: float = PATIENCE) -> bool:
        """Return whether an event of this kind comes."""
        return await until(lambda: bool(self.events_of(kind)), within)

    def _last_second(self) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
        """Return what was heard in the last second of the present call."""
        files = sorted(
            (self._directory / "heard").glob("*-dec.wav"), key=lambda path: path.stat().st_mtime
        )
        raw = files[-1].read_bytes() if files else b""
        self._rate = int.from_bytes(raw[24:28], "little") if len(raw) > 44 else 8000
        channels = raw[22] if len(raw) > 44 else 1
        tail = raw[44:][-2 * self._rate * channels :]
        samples = np.frombuffer(tail[: len(tail) // 2 * 2], np.int16)
        return samples[::channels]

    def loudness(self, frequency: int) -> float:
        """Return how loud a tone was in the last second that was heard; a full one is about 16,000."""
        samples = self._last_second()
        if len(samples) < 1000:
            return 0.0
        angles = 2 * np.pi * frequency * np.arange(len(samples)) / self._rate
        return float(2 * abs(np.mean(samples * np.exp(-1j * angles))))

    async def hears(self, frequency: int, within: float = PATIENCE) -> bool:
        """Return whether a tone comes to be heard."""
        return await until(lambda: self.loudness(frequency) > 1000, within)

    def stop(self) -> None:
        """End the telephone."""
        if self._process and self._process.poll() is None:
            self._process.kill()
            self._process.wait()
