"""A peer is an XMPP server as the load sees it."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.bench_site import in_memory
from benchmarks.chat import plan
from benchmarks.chat.load import Load, Turn, now
from benchmarks.chat.peers import PASSWORD, Peer, database
from benchmarks.chat.xmpp import XmppClient
from deploy.stand.ports import SERVER_PORTS, claimed_ports

ENTER_AT_ONCE = 20


class Theirs:
    """A running peer, with what the load has to know of it."""

    def __init__(self, peer: Peer) -> None:
        self._peer, self.label = peer, peer.kind

    def client(self, number: int) -> XmppClient:
        """Return a person's device, not signed in yet."""
        return XmppClient(self._peer.port, plan.name(number), PASSWORD)

    def pair(self, _one: int, other: int) -> str:
        """Return the address of the other person."""
        return f"{plan.name(other)}@localhost"

    def group(self, size: int, number: int) -> str:
        """Return the address of a group's room."""
        return f"g{size}-{number}@conference.localhost"

    async def enter(self, size: int, number: int, clients: list[XmppClient]) -> None:
        """Let the first client create the room, and the others enter it a few at a time."""
        room, gate = self.group(size, number), asyncio.Semaphore(ENTER_AT_ONCE)
        await clients[0].join(room, first=True)

        async def join(client: XmppClient) -> None:
            async with gate:
                await client.join(room)

        await asyncio.gather(*map(join, clients[1:]))

    @property
    def pids(self) -> dict[str, list[int]]:
        """Return the process ids by kind of process."""
        pids = {"server": self._peer.pid, "database": self._peer.database.pid}
        return {kind: [pid] for kind, pid in pids.items() if pid}

    async def caught_up(self) -> tuple[int, list[int]]:
        """Fill a person's archive and read it page by page; return how many messages, and times in ns."""
        speaker, reader = self.client(998), self.client(999)
        for client in (speaker, reader):
            await client.sign_in()
        load = Load([Turn(speaker, self.pair(998, 999), 1)], "missed")
        load.hear([reader])
        while load.count < plan.MISSED:
            await load.closed(20, 1)
        reader.archived, last, times = 0, "", list[int]()
        while reader.archived < plan.MISSED:
            start = now()
            last = await reader.page(last, plan.PAGE)
            times.append(now() - start)
        for client in (speaker, reader):
            client.close()
        return reader.archived, times


@contextmanager
def theirs(kind: type[Peer]) -> Iterator[Theirs]:
    """Yield a chat server that ours is compared with, on a database of its own; both are stopped at the end."""
    people = [plan.name(number) for number in range(plan.PEOPLE)]
    with (
        tempfile.TemporaryDirectory(prefix="bench-", dir=in_memory()) as directory,
        claimed_ports(SERVER_PORTS) as base,
    ):
        archive = database(Path(directory) / "mariadb", base + 10)
        peer = kind(Path(directory) / kind.kind, base, archive, people)
        try:
            archive.start()
            peer.start()
            yield Theirs(peer)
        finally:
            peer.stop(5)
            archive.stop()
