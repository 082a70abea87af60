"""The same steps with whoever serves: sign-ins, talk in pairs, fan-out, a storm, catching up."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from operator import methodcaller
from typing import Any

from benchmarks.bench_site import cpu_of_group, memory_of
from benchmarks.chat import plan
from benchmarks.chat.load import Load, Seen, Turn, at, sign_in_all

Row = dict[str, Any]
STORM_SECONDS = 600


class Measure:
    """One server, measured; `rows` is what came out."""

    def __init__(self, served: Any) -> None:
        self._served = served
        self._clients: dict[int, Any] = {}
        self._run = 0
        self.rows: list[Row] = []

    # ---- steps --------------------------------------------------------------------------------

    async def newcomers(self) -> None:
        """People nobody has seen before, 20 at a time."""
        await self._sign_in(f"sign-ins, {len(plan.NEWCOMERS)}, 20 at a time", plan.NEWCOMERS, 20)
        self._hang_up()

    async def arrive(self) -> None:
        """The people of the pairs and of the smaller groups; not measured."""
        highest = max(plan.members(size, n).stop for size, n in plan.groups() if size != plan.CROWD)
        people = range(max(highest, 2 * plan.PAIRS))
        self._clients = {n: self._served.client(n) for n in people}
        await sign_in_all([*self._clients.values()], 20)

    async def pairs(self, what: str = "") -> None:
        """At a pace, and as much as goes."""
        turns = self._pairs()
        await self._warm()
        for rate in (50, 200):
            name = f"1:1, {rate} a second{what}"
            await self._loaded(name, turns, methodcaller("paced", rate, plan.SECONDS))
        await self.saturate(what)

    async def saturate(self, what: str = "") -> None:
        """As much as goes."""
        await self._warm()
        for under_way in (50, 200):
            name = f"1:1, {under_way} under way{what}"
            turns = self._pairs()
            await self._loaded(name, turns, methodcaller("closed", under_way, plan.SECONDS))

    async def _warm(self) -> None:
        await self._loaded("", self._pairs(), methodcaller("closed", 50, 2), kept=False)

    async def fan_out(self, size: int) -> None:
        """One speaks, so many hear it: four messages under way in all."""
        numbers = range(1 if size == plan.CROWD else plan.GROUPS[size])
        turns = []
        for number in numbers:
            clients = [self._clients[n] for n in plan.members(size, number)]
            await self._served.enter(size, number, clients)
            where = self._served.group(size, number)
            turns.append([Turn(client, where, size) for client in clients])
        mixed = [some[n] for n in range(size + 1) for some in turns]
        await self._loaded(f"1 to {size}", mixed, methodcaller("closed", 4, plan.SECONDS), size)

    async def storm(self) -> None:
        """Everybody at once; they stay."""
        self._hang_up()
        await asyncio.sleep(3)
        crowd = plan.members(plan.CROWD, 0)
        await self._sign_in(f"sign-ins, {len(crowd)} at once", crowd, len(crowd))

    async def catch_up(self) -> None:
        """A device that was away."""
        before = self._cpu()
        count, times = await self._served.caught_up()
        found = {"p50_ms": at(times, 0.5), "p99_ms": at(times, 0.99)}
        rate = round(count / (sum(times) / 1e9), 1)
        self._keep(f"catching up, pages of {plan.PAGE}", {"per_second": rate, **found}, before, 0)

    # ---- how ----------------------------------------------------------------------------------

    def _pairs(self) -> list[Turn]:
        one_way = [(2 * n, 2 * n + 1) for n in range(plan.PAIRS)]
        both = one_way + [(b, a) for a, b in one_way]
        return [Turn(self._clients[a], self._where(a, b), 1) for a, b in both]

    def _where(self, one: int, other: int) -> str:
        return str(self._served.pair(one, other))

    async def _loaded(
        self,
        what: str,
        turns: Sequence[Turn],
        work: Callable[[Load], Coroutine[Any, Any, Seen]],
        size: int = 1,
        *,
        kept: bool = True,
    ) -> None:
        self._run += 1
        load = Load(turns, f"r{self._run}-{time.time_ns()}")
        load.hear([*self._clients.values()])
        before = self._cpu()
        seen = await work(load)
        if kept:
            found = seen.summary()
            if size > 1:
                found["deliveries_per_second"] = round(len(seen.delays) / seen.seconds, 1)
            self._keep(what, found, before, seen.said)

    async def _sign_in(self, what: str, people: Sequence[int], at_once: int) -> None:
        self._clients = {n: self._served.client(n) for n in people}
        before = self._cpu()
        async with asyncio.timeout(STORM_SECONDS):
            found = await sign_in_all([*self._clients.values()], at_once)
        self._keep(what, found.summary(), before, len(people))

    def _hang_up(self) -> None:
        for client in self._clients.values():
            client.close()

    def _cpu(self) -> dict[str, float]:
        found = {kind: sum(map(cpu_of_group, pids)) for kind, pids in self._served.pids.items()}
        return found | {"load": time.process_time()}

    def _keep(self, what: str, found: Row, before: dict[str, float], count: int) -> None:
        used = {kind: now - before.get(kind, 0.0) for kind, now in self._cpu().items()}
        if count:
            each = {f"cpu_ms_{k}": round(1e3 * s / count, 3) for k, s in used.items() if s}
            all_of_them = sum(s for k, s in used.items() if k != "load")
            found = {**found, "cpu_ms": round(1e3 * all_of_them / count, 3), **each}
        self.rows.append({"what": f"{self._served.label}: {what}", **found})
        print(self.rows[-1], flush=True)

    def memory(self) -> None:
        """Resident MiB by kind of process."""
        pids = self._served.pids.items()
        found = {k: sum(sum(memory_of(p).values()) for p in some) for k, some in pids}
        self.rows.append(
            {"what": f"{self._served.label}: resident MiB, {plan.CROWD} clients", **found}
        )
