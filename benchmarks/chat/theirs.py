"""A peer, as the load sees it."""

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
from deploy.stand.ports import SERVER_PORTS, claimed

AT_THE_DOOR = 20


class Theirs:
    """What the load has to know of a running peer."""

    def __init__(self, peer: Peer) -> None:
        self._peer, self.label = peer, peer.kind

    def client(self, number: int) -> XmppClient:
        """Somebody's device, not signed in yet."""
        return XmppClient(self._peer.port, plan.name(number), PASSWORD)

    def pair(self, _one: int, other: int) -> str:
        """Where to tell the other something."""
        return f"{plan.name(other)}@localhost"

    def group(self, size: int, number: int) -> str:
        """A room."""
        return f"g{size}-{number}@conference.localhost"

    async def enter(self, size: int, number: int, clients: list[XmppClient]) -> None:
        """The first one makes it; the others come a few at a time."""
        room, gate = self.group(size, number), asyncio.Semaphore(AT_THE_DOOR)
        await clients[0].join(room, first=True)

        async def join(client: XmppClient) -> None:
            async with gate:
                await client.join(room)

        await asyncio.gather(*map(join, clients[1:]))

    @property
    def pids(self) -> dict[str, list[int]]:
        """By kind of process."""
        found = {"server": self._peer.pid, "database": self._peer.database.pid}
        return {kind: [pid] for kind, pid in found.items() if pid}

    async def caught_up(self) -> tuple[int, list[int]]:
        """The archive of somebody who has been told enough, page by page."""
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
    """A private server with its own database."""
    people = [plan.name(number) for number in range(plan.PEOPLE)]
    with (
        tempfile.TemporaryDirectory(prefix="bench-", dir=in_memory()) as directory,
        claimed(SERVER_PORTS) as base,
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
