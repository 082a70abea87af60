"""The benchmark holds 1,000 programs that listen for events, and measures the memory and when an event reaches them.

The latency counts from the making of the event's row, just before its transaction commits, to the client's program.
Clients, servers and our processes share one machine.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import aiohttp

from benchmarks.bench_site import bench_site, cpu_of_group, memory_of, sql
from deploy.stand.site import Site
from foundation import clock
from tests.http.program import Program

CLIENTS = 1000
EVENTS = 20
GAP_SECONDS = 1.0
OPENED_AT_ONCE = 50
SHAKE: dict[str, Any] = {"channel": "/meta/handshake", "id": "1", "version": "1.0"}

Client = Callable[[aiohttp.ClientSession], Coroutine[Any, Any, None]]
Heard = defaultdict[str, list[float]]
"""Channel of a conference -> moments at which a client has heard of it."""


class Listeners:
    """The listeners are clients of one kind, all signed in with the same login."""

    def __init__(self, site: Site, cookie: str) -> None:
        self._url, self._cookie = f"{site.http}/api/v1", cookie
        self.heard: Heard = defaultdict(list)
        self.ready = 0
        self.errors: list[str] = []

    async def run(self, client: Client) -> None:
        """Run all clients until they are cancelled; few are opened at the same moment."""
        gate = asyncio.Semaphore(OPENED_AT_ONCE)

        async def one(session: aiohttp.ClientSession) -> None:
            async with gate:
                opened = self.ready + 1
                task = asyncio.create_task(client(session))
                while self.ready < opened and not task.done():
                    await asyncio.sleep(0.02)
            try:
                await task
            except (aiohttp.ClientError, OSError, ValueError, KeyError) as error:
                self.errors.append(repr(error))

        link = aiohttp.TCPConnector(limit=0)
        timeout = aiohttp.ClientTimeout(total=None)
        headers = {"Cookie": self._cookie}
        async with aiohttp.ClientSession(
            connector=link, timeout=timeout, headers=headers, cookie_jar=aiohttp.DummyCookieJar()
        ) as session:
            await asyncio.gather(*(one(session) for _ in range(CLIENTS)))

    def _note(self, messages: list[dict[str, Any]]) -> None:
        now = time.time()
        for message in messages:
            if message.get("data") == {"method": "update"}:
                self.heard[message["channel"].rpartition("/")[2]].append(now)

    def _subscription(self, welcome: dict[str, Any]) -> dict[str, Any]:
        channel = f"/userdomains/{welcome['ext']['user_domain_moid']}/confs/*"
        client = welcome["clientId"]
        return {
            "channel": "/meta/subscribe",
            "id": "2",
            "clientId": client,
            "subscription": channel,
        }

    async def web_socket(self, session: aiohttp.ClientSession) -> None:
        """Listen by Bayeux over WebSocket."""
        async with session.ws_connect(f"{self._url}/publish", compress=0) as socket:
            await socket.send_json([SHAKE])
            (welcome,) = await socket.receive_json()
            await socket.send_json([self._subscription(welcome)])
            connect = {"channel": "/meta/connect", "clientId": welcome["clientId"], "id": "3"}
            await socket.send_json([connect])
            self.ready += 1
            async for frame in socket:
                messages = json.loads(frame.data)
                self._note(messages)
                if any(message["channel"] == "/meta/connect" for message in messages):
                    await socket.send_json([connect])

    async def long_polling(self, session: aiohttp.ClientSession) -> None:
        """Listen by Bayeux over long-polling."""

        async def ask(message: dict[str, Any]) -> list[dict[str, Any]]:
            async with session.post(f"{self._url}/publish", json=[message]) as answer:
                messages: list[dict[str, Any]] = await answer.json()
                return messages

        (welcome,) = await ask(SHAKE)
        await ask(self._subscription(welcome))
        connect = {"channel": "/meta/connect", "clientId": welcome["clientId"], "id": "3"}
        await ask(connect)
        self.ready += 1
        while True:
            self._note(await ask(connect))

    async def stream(self, session: aiohttp.ClientSession) -> None:
        """Listen by server-sent events."""
        async with session.get(f"{self._url}/events?channel=/confs/*") as answer:
            answer.raise_for_status()
            self.ready += 1
            async for line in self._lines(answer):
                if line.startswith(b"data: "):
                    data = json.loads(line[6:])
                    self._note([{"channel": data["channel"], "data": {"method": data["method"]}}])

    async def _lines(self, answer: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
        async for line in answer.content:
            yield line


async def _measured(site: Site, program: Program, kind: str) -> dict[str, Any]:
    """Open all clients of a kind, create conferences, and return memory, CPU and latencies."""
    pid = site.processes["push"].pid
    before = max(memory_of(pid).values())
    listeners = Listeners(site, program.cookie)
    client = getattr(listeners, kind)
    running = asyncio.create_task(listeners.run(client))
    while listeners.ready < CLIENTS and not running.done():
        await asyncio.sleep(0.1)
    await asyncio.sleep(2)
    opened, cpu = max(memory_of(pid).values()), cpu_of_group(pid)
    numbers = []
    for _ in range(EVENTS):
        created = await asyncio.to_thread(program.create)
        numbers.append(created["conf_id"])
        await asyncio.sleep(GAP_SECONDS)
    cpu = cpu_of_group(pid) - cpu
    after = max(memory_of(pid).values())
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    for number in numbers:
        await asyncio.to_thread(program.delete, f"mc/confs/{number}")
    latencies = sorted(_latencies(site, listeners.heard, numbers))
    return {
        "what": f"{CLIENTS} clients, {kind.replace('_', ' ')}",
        "errors": len(listeners.errors),
        "heard": len(latencies),
        "lost": CLIENTS * EVENTS - len(latencies),
        "p50_ms": round(1e3 * latencies[len(latencies) // 2], 1),
        "p99_ms": round(1e3 * latencies[int(len(latencies) * 0.99)], 1),
        "max_ms": round(1e3 * latencies[-1], 1),
        "mib_before": before,
        "mib_open": opened,
        "mib_after": after,
        "cpu_ms_per_event": round(1e3 * cpu / EVENTS, 1),
    }


def _latencies(site: Site, heard: Heard, numbers: list[str]) -> list[float]:
    """Return for each client and event the seconds until it was heard."""
    latencies = []
    for number in numbers:
        query = f"SELECT MIN(id) FROM bus_event WHERE channel='/confs/{number}'"
        made_at = clock.moment_of(int(sql(site, query))).timestamp()
        latencies += [moment - made_at for moment in heard[number]]
    return latencies


def run() -> list[dict[str, Any]]:
    """Measure each way to listen on one site."""
    rows = []
    with bench_site(units=4) as site:
        program = Program(site)
        program.log_in("anna")
        for kind in ("web_socket", "long_polling", "stream"):
            rows.append(asyncio.run(_measured(site, program, kind)))
    return rows


if __name__ == "__main__":
    for row in run():
        print(row)
