"""The load of one client that floods, and of a thousand that sign in at once, and its effect on others."""

from __future__ import annotations

import asyncio
import json
import subprocess
import time
from dataclasses import dataclass

from deploy.stand.site import PYTHON, REPOSITORY, Site
from im.conformance.person import Person
from tests.im.killed import Talk, Verdict

TOKENS = (
    "import json, time; from im.rules import tokens; from im.rules.tokens import Bearer;"
    " from foundation.cells.directory import own_platform;"
    " print(json.dumps([tokens.issue(f'storm-{{n}}', own_platform(), Bearer.USER, time.time())[0]"
    " for n in range({})]), file=open({!r}, 'w'))"
)


@dataclass(frozen=True, slots=True)
class Flood:
    """The result of a flood: seconds until it was disconnected, and the others' 99th percentile meanwhile."""

    messages: int
    seconds: float
    p99: float
    verdict: Verdict

    @property
    def line(self) -> str:
        """Return a line of the table."""
        rate = self.messages / self.seconds
        return (
            f"{rate:.0f}/s for {self.seconds:.2f} s, then out; the others: p99 {self.p99:.2f} s,"
            f" {self.verdict.acknowledged} acknowledged, missing 0, holes 0"
        )


def flooded(site: Site, size: int = 5, *, nameless: bool = False) -> Flood:
    """Let Anna flood a conversation of her own while others write, and return the result.

    `size`: bytes of a message's text. `nameless`: without the property that says who sends it.
    """
    people = {account["username"]: account["password"] for account in site.demo["accounts"]}
    anna, ben = (Person(site.http, name, people[name]) for name in ("anna", "ben"))
    talk = Talk(site)
    try:
        talk.goes_on()
        talk.forget()
        count, seconds = _flood(
            {**anna.me, "conversation": anna.direct(ben.id), "size": size, "nameless": nameless}
        )
        talk.goes_on()
        talk.falls_silent()
        took = talk.seconds
        return Flood(count, seconds, took[int(0.99 * len(took))], talk.verdict())
    finally:
        talk.close()


def _flood(me: dict[str, object]) -> tuple[int, float]:
    argv = [str(PYTHON), "-m", "tests.im.flooder"]
    line = json.dumps(me) + "\n"
    result = subprocess.run(
        argv, cwd=REPOSITORY, input=line, capture_output=True, text=True, check=True
    )
    count, seconds = result.stdout.split()
    return int(count), float(seconds)


# ---- sign-ins -----------------------------------------------------------------------------------


def stormed(site: Site, people: int = 1000) -> float:
    """Sign in many people over MQTT at once; return the seconds until the last one is in."""
    file = site.directory / "storm.json"
    site.manage("shell", "-c", TOKENS.format(people, str(file)))
    tokens: list[str] = json.loads(file.read_text())
    file.unlink()
    return asyncio.run(_all_in(site, tokens))


async def _all_in(site: Site, tokens: list[str]) -> float:
    host, _, port = site.addresses["im"]["mqtt"].partition("//")[2].partition(":")
    began = time.monotonic()
    ways = [_in(host, int(port), f"storm-{n}", token) for n, token in enumerate(tokens)]
    writers = await asyncio.gather(*ways)
    seconds = time.monotonic() - began
    for writer in writers:
        writer.close()
    return seconds


async def _in(host: str, port: int, user: str, token: str) -> asyncio.StreamWriter:
    """Connect with CONNECT and CONNACK (MQTT 3.1.1, §3.1, §3.2)."""
    reader, writer = await asyncio.open_connection(host, port)
    names = (f"u{user}-d1", user, token)
    payload = b"".join(len(name).to_bytes(2, "big") + name.encode() for name in names)
    body = b"\x00\x04MQTT\x04\xc2\x00\x3c" + payload
    writer.write(b"\x10" + _length(len(body)) + body)
    assert await reader.readexactly(4) == b"\x20\x02\x00\x00", f"{user} was not let in"
    return writer


def _length(count: int) -> bytes:
    return bytes([count]) if count < 128 else bytes([count % 128 | 128, count // 128])
