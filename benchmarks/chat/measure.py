"""Every server is measured in the same steps: sign-ins, pairs, fan-out, a storm, catching up."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from operator import methodcaller
from typing import Any

from benchmarks.bench_site import cpu_of_group, memory_of
from benchmarks.chat import plan
from benchmarks.chat.load import Load, LoadResult, Turn, percentile, sign_in_all

Row = dict[str, Any]
STORM_SECONDS = 600


class Measure:
    """The measurement of one server; `rows` are its results."""

    def __init__(self, served: Any) -> None:
        self._served = served
        self._clients: dict[int, Any] = {}
        self._run = 0
        self.rows: list[Row] = []

    # ---- steps --------------------------------------------------------------------------------

    async def newcomers(self) -> None:
        """Measure sign-ins of people whom the server does not know yet, 20 at a time."""
        await self._sign_in(f"sign-ins, {len(plan.NEWCOMERS)}, 20 at a time", plan.NEWCOMERS, 20)
        self._hang_up()

    async def arrive(self) -> None:
        """Sign in the people of the pairs and of the smaller groups; this is not measured."""
        highest = max(plan.members(size, n).stop for size, n in plan.groups() if size != plan.CROWD)
        people = range(max(highest, 2 * plan.PAIRS))
        self._clients = {n: self._served.client(n) for n in people}
        await sign_in_all([*self._clients.values()], 20)

    async def pairs(self, suffix: str = "") -> None:
        """Measure talk in pairs, first at a fixed rate, then as fast as possible."""
        turns = self._pairs()
        await self._warm()
        for rate in (50, 200):
            name = f"1:1, {rate} a second{suffix}"
            await self._loaded(name, turns, methodcaller("paced", rate, plan.SECONDS))
        await self.saturate(suffix)

    async def saturate(self, suffix: str = "") -> None:
        """Measure talk in pairs as fast as possible."""
        await self._warm()
        for under_way in (50, 200):
            name = f"1:1, {under_way} under way{suffix}"
            turns = self._pairs()
            await self._loaded(name, turns, methodcaller("closed", under_way, plan.SECONDS))

    async def _warm(self) -> None:
        await self._loaded("", self._pairs(), methodcaller("closed", 50, 2), keep=False)

    async def fan_out(self, size: int) -> None:
        """Measure groups in which one speaks and `size` hear it, with four messages under way in all."""
        numbers = range(1 if size == plan.CROWD else plan.GROUPS[size])
        turns = []
        for number in numbers:
            clients = [self._clients[n] for n in plan.members(size, number)]
            await self._served.enter(size, number, clients)
            place = self._served.group(size, number)
            turns.append([Turn(client, place, size) for client in clients])
        mixed = [group[n] for n in range(size + 1) for group in turns]
        await self._loaded(f"1 to {size}", mixed, methodcaller("closed", 4, plan.SECONDS), size)

    async def storm(self) -> None:
        """Measure sign-ins of the whole crowd at once; its clients stay connected."""
        self._hang_up()
        await asyncio.sleep(3)
        crowd = plan.members(plan.CROWD, 0)
        await self._sign_in(f"sign-ins, {len(crowd)} at once", crowd, len(crowd))

    async def catch_up(self) -> None:
        """Measure how a device that was away fetches what it has missed."""
        before = self._cpu()
        count, times = await self._served.caught_up()
        percentiles = {"p50_ms": percentile(times, 0.5), "p99_ms": percentile(times, 0.99)}
        rate = round(count / (sum(times) / 1e9), 1)
        self._keep(
            f"catching up, pages of {plan.PAGE}", {"per_second": rate, **percentiles}, before, 0
        )

    # ---- parts of the steps ----------------------------------------------------------------------------------

    def _pairs(self) -> list[Turn]:
        """Return who writes to whom in conversations of two: each of the PAIRS in both directions."""
        one_way = [(2 * n, 2 * n + 1) for n in range(plan.PAIRS)]
        both = one_way + [(b, a) for a, b in one_way]
        return [Turn(self._clients[a], self._place(a, b), 1) for a, b in both]

    def _place(self, speaker: int, hearer: int) -> str:
        return str(self._served.pair(speaker, hearer))

    async def _loaded(
        self,
        label: str,
        turns: Sequence[Turn],
        work: Callable[[Load], Coroutine[Any, Any, LoadResult]],
        size: int = 1,
        *,
        keep: bool = True,
    ) -> None:
        """Put the clients under the load that `work` makes, and keep its figures under this label.

        With `keep=False` they are thrown away. `size` is the number of members of each conversation.
        """
        self._run += 1
        load = Load(turns, f"r{self._run}-{time.time_ns()}")
        load.hear([*self._clients.values()])
        before = self._cpu()
        result = await work(load)
        if keep:
            figures = result.summary()
            if size > 1:
                figures["deliveries_per_second"] = round(len(result.delays) / result.seconds, 1)
            self._keep(label, figures, before, result.sent)

    async def _sign_in(self, label: str, people: Sequence[int], at_once: int) -> None:
        """Sign in these people, `at_once` at a time, and keep how long it took.

        Raises TimeoutError after STORM_SECONDS.
        """
        self._clients = {n: self._served.client(n) for n in people}
        before = self._cpu()
        async with asyncio.timeout(STORM_SECONDS):
            result = await sign_in_all([*self._clients.values()], at_once)
        self._keep(label, result.summary(), before, len(people))

    def _hang_up(self) -> None:
        for client in self._clients.values():
            client.close()

    def _cpu(self) -> dict[str, float]:
        used = {kind: sum(map(cpu_of_group, pids)) for kind, pids in self._served.pids.items()}
        return used | {"load": time.process_time()}

    def _keep(self, label: str, figures: Row, before: dict[str, float], count: int) -> None:
        """Add a row of figures to the results and print it, with the CPU time used since `before`.

        The CPU time is also given for each of the `count` messages or sign-ins.
        """
        used = {kind: now - before.get(kind, 0.0) for kind, now in self._cpu().items()}
        if count:
            each = {f"cpu_ms_{k}": round(1e3 * s / count, 3) for k, s in used.items() if s}
            all_of_them = sum(s for k, s in used.items() if k != "load")
            figures = {**figures, "cpu_ms": round(1e3 * all_of_them / count, 3), **each}
        self.rows.append({"what": f"{self._served.label}: {label}", **figures})
        print(self.rows[-1], flush=True)

    def memory(self) -> None:
        """Record the resident MiB by kind of process."""
        pids = self._served.pids.items()
        mib = {k: sum(sum(memory_of(p).values()) for p in members) for k, members in pids}
        self.rows.append(
            {"what": f"{self._served.label}: resident MiB, {plan.CROWD} clients", **mib}
        )
