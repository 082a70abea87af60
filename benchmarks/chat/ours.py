"""Our site as the load sees it: broker, broker authorization, centers, database."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from benchmarks.bench_site import in_memory, python
from benchmarks.chat import plan
from benchmarks.chat.amqp import AmqpClient, Person
from benchmarks.chat.load import now
from deploy.stand import programs
from deploy.stand.ports import SERVER_PORTS, claimed_ports
from deploy.stand.process import Process
from deploy.stand.site import PYTHON, REPOSITORY, Site
from deploy.stand.stand import Stand
from im.rules.topology import ingress

SITE = "east"
_TOWN = "import django; django.setup(); from benchmarks.chat import town; town.main()"


class Ours:
    """Our site, with what the load has to know of it."""

    label = "ours"

    def __init__(self, site: Site, town: dict[str, Any]) -> None:
        assert site.clients_broker is not None
        self.site, self.town, self.broker = site, town, site.clients_broker
        self._more: list[Process] = []

    def client(self, number: int) -> AmqpClient:
        """Return a person's device, not signed in yet."""
        user = plan.name(number)
        return AmqpClient(self.broker.port, Person(user, self.town["tokens"][user]))

    def pair(self, speaker: int, _hearer: int) -> str:
        """Return the conversation of two people."""
        return str(self.town["pairs"][speaker // 2])

    def group(self, size: int, number: int) -> str:
        """Return the conversation of a group."""
        return str(self.town["groups"][f"{size}/{number}"])

    async def enter(self, size: int, number: int, clients: list[AmqpClient]) -> None:
        """Do nothing: on our site a group's members are in it already; clients of other servers must enter a room."""

    @property
    def pids(self) -> dict[str, list[int]]:
        """Return the process ids by kind of process."""
        site, processes = self.site, self.site.processes
        centers = [processes["center"].pid, *(process.pid for process in self._more)]
        pids = {
            "center": centers,
            "door": [processes["door"].pid],
            "broker": [self.broker.pid],
            "database": [site.mariadb.pid],
            "redis": [site.redis.pid],
            "web": [processes["web"].pid],
        }
        return {kind: [pid for pid in members if pid] for kind, members in pids.items()}

    def two_centers(self) -> None:
        """Start a second center, which shares the work from now on."""
        first = self.site.processes["center"]
        env = {**os.environ, **self.site.env, "IM_CENTERS": "2", "PYTHONUNBUFFERED": "1"}
        first.env["IM_CENTERS"] = "2"
        first.restart()
        argv = [str(PYTHON), *programs.CENTER, "--number", "1"]
        second = Process("center1", argv, directory=self.site.directory, env=env, cwd=REPOSITORY)
        second.start()
        self._more.append(second)
        for number in range(2):
            second.wait_until(partial(self._is_read, number), 60)

    def _is_read(self, number: int) -> bool:
        """Return whether a center (the process that routes chat messages) reads the inbound queue with this number."""
        _, queue = self.broker.api(f"/queues/im/{ingress(number)}")
        return isinstance(queue, dict) and queue.get("consumers", 0) > 0

    def stop(self) -> None:
        """Stop the processes that were started beside the site's own."""
        for process in self._more:
            process.stop()

    async def caught_up(self) -> tuple[int, list[int]]:
        """Fetch what a device has missed, page by page; return how many entries, and the times in ns."""
        about = self.town["missed"]
        headers = {"Authorization": f"Bearer {about['token']}"}
        path = f"/api/v1/im/conversations/{about['conversation']}/messages?count={plan.PAGE}&after="
        link = HTTPConnection("127.0.0.1", self.site.ports.public, timeout=60)
        after, times, count = 0, list[int](), 0
        while after < plan.MISSED:
            start = now()
            link.request("GET", f"{path}{after}", headers=headers)
            answer = link.getresponse()
            page = json.loads(answer.read())
            assert answer.status == 200, page
            times.append(now() - start)
            count += len(page["entries"])
            after = page["to_seq"]
        link.close()
        return count, times


@contextmanager
def ours() -> Iterator[Ours]:
    """Yield a site of this product that serves only the chat, with people and conversations.

    It is stopped at the end.
    """
    with (
        tempfile.TemporaryDirectory(prefix="bench-", dir=in_memory()) as directory,
        claimed_ports(SERVER_PORTS) as base,
        Stand(Path(directory), base, media="none", units=0, im=True) as stand,
    ):
        site = stand.sites[SITE]
        for name in ("beat", "worker1", "worker2"):
            site.processes[name].stop()
        town = python(site, _TOWN).splitlines()[-1]
        served = Ours(site, json.loads(town))
        try:
            yield served
        finally:
            served.stop()
