"""The benchmark holds 1,000 programs that listen for events, and measures the memory and when an event reaches them.

The latency counts from the making of the event's row, just before its transaction commits, to the client's program.
Clients, servers and our processes share one machine.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from benchmarks.bench_site import bench_site, cpu_of_group, memory_of, sql
from deploy.stand.site import Site
from foundation import clock
from tests.http.program import Program

Body = dict[str, Any]

CLIENTS = 1000
EVENTS = 20
GAP_SECONDS = 1.0
OPENED_AT_ONCE = 50
LENGTH = re.compile(rb"(?i)\r\ncontent-length: (\d+)")
SHAKE: Body = {"channel": "/meta/handshake", "id": "1", "version": "1.0"}

Client = Callable[[aiohttp.ClientSession], Coroutine[Any, Any, None]]
Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]
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
            """Connect one client when its turn comes, and run it until it has heard all events.

            Keep its failure as an error.
            """
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

    def _note(self, messages: list[Body]) -> None:
        """Append the time to `heard`, under the conference's number, for each message about a changed conference.

        The number is the last part of the message's channel. Other messages are left out.
        """
        now = time.time()
        for message in messages:
            if message.get("data") == {"method": "update"}:
                self.heard[message["channel"].rpartition("/")[2]].append(now)

    def _subscription(self, welcome: Body) -> Body:
        """Return the request that subscribes to all conferences of a user domain (a tenant).

        `welcome`: the server's answer to the handshake of Bayeux (the protocol of CometD); it names
        the domain and the client.
        """
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
        """Listen by Bayeux (the protocol of CometD) over long-polling, on one connection, until the task is cancelled.

        The requests are written by hand: aiohttp's client would take longer for each than the
        server does.
        """
        address = urlsplit(self._url)
        assert address.hostname
        connection = await asyncio.open_connection(address.hostname, address.port)
        head = (
            f"POST {address.path}/publish HTTP/1.1\r\nHost: {address.netloc}\r\n"
            f"Cookie: {self._cookie}\r\nContent-Type: application/json\r\n"
        )
        (welcome,) = await _ask(connection, head, SHAKE)
        await _ask(connection, head, self._subscription(welcome))
        connect = {"channel": "/meta/connect", "clientId": welcome["clientId"], "id": "3"}
        await _ask(connection, head, connect)
        self.ready += 1
        while True:
            self._note(await _ask(connection, head, connect))

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


async def _ask(connection: Connection, head: str, message: Body) -> list[Body]:
    """Send a message of Bayeux over an open connection, and return the messages of the answer."""
    reader, writer = connection
    body = json.dumps([message])
    writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode())
    answer = await reader.readuntil(b"\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200"), answer
    length = LENGTH.search(answer)
    assert length, answer
    messages: list[Body] = json.loads(await reader.readexactly(int(length[1])))
    return messages


async def _measured(site: Site, program: Program, kind: str) -> Body:
    """Open all clients of a kind, create conferences, and return the server's memory, CPU time and latencies.

    `kind`: the name of the method of `Listeners` that is one client. "lost" counts events that some
    client never got; "mib_before", "mib_open", "mib_after": the memory without clients, with all
    clients, and after all events.
    """
    pid = site.processes["push"].pid
    before = max(memory_of(pid).values())
    listeners = Listeners(site, program.cookie)
    client = getattr(listeners, kind)
    running = asyncio.create_task(listeners.run(client))
    while listeners.ready < CLIENTS and not running.done():
        await asyncio.sleep(0.1)
    # Let memory settle, so that `opened` and the CPU time count events and not connections.
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


def run() -> list[Body]:
    """Measure each of the three ways to listen for events at one site; return one row for each."""
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
