"""`python -m benchmarks im`: ours, then each peer that is installed, with the same load."""

from __future__ import annotations

import os
from typing import Any

import uvloop

from benchmarks.chat import plan
from benchmarks.chat.measure import Measure, Row
from benchmarks.chat.ours import Ours, ours
from benchmarks.chat.peers import Ejabberd, Peer, Prosody
from benchmarks.chat.theirs import theirs

PEERS: tuple[type[Peer], ...] = (Ejabberd, Prosody)
GOALS = {
    "1:1, 200 a second": "p50 6 ms, p99 40 ms",
    "1:1, 200 under way": "ahead of ejabberd; 0.8 ms CPU",
    "1 to 100": "8,000 deliveries a second",
    f"catching up, pages of {plan.PAGE}": "p50 10 ms",
    f"sign-ins, {len(plan.NEWCOMERS)}, 20 at a time": "500 a second",
    f"sign-ins, {plan.CROWD + 1} at once": "10 s",
}


async def _steps(measure: Measure, served: Any) -> None:
    """Run all measurements of a chat server (`served`) one after another; `measure` collects the results."""
    await measure.newcomers()
    await measure.arrive()
    await measure.pairs()
    for size in plan.GROUPS:
        await measure.fan_out(size)
    if isinstance(served, Ours):
        served.two_centers()
        await measure.saturate(", two centers")
    await measure.catch_up()
    await measure.storm()
    await measure.fan_out(plan.CROWD)
    measure.memory()


def _measured(served: Any) -> list[Row]:
    """Return the results of all measurements of one chat server."""
    measure = Measure(served)
    uvloop.run(_steps(measure, served))
    return measure.rows


def run() -> list[Row]:
    """Measure our site and the servers it is compared with, and return the results with their goals.

    The environment variable `WHO=ours,ejabberd` chooses some of them. A server that is not installed gives a row that
    says why.
    """
    wanted, rows = os.environ.get("WHO", "ours,ejabberd,prosody").split(","), list[Row]()
    if "ours" in wanted:
        with ours() as site:
            rows += _measured(site)
            rate = site.town["exchanges_per_second"]
            rows.append({"what": "ours: exchanges made at sign-in", "per_second": rate})
    for kind in (peer for peer in PEERS if peer.kind in wanted):
        if why := kind.missing():
            rows.append({"what": f"{kind.kind}: skipped", "why": why})
            continue
        with theirs(kind) as peer:
            rows += _measured(peer)
    return [{**row, **_goal(row["what"])} for row in rows]


def _goal(label: str) -> dict[str, str]:
    server, _, step = label.partition(": ")
    return {"goal": GOALS[step]} if server == "ours" and step in GOALS else {}
