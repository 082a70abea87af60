"""Processes of two sites are killed at random while the clocks of their hosts are set, under load."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from deploy.stand.process import Process
from tests.chaos.story import Stories
from tests.clocks.wall_clock import WallClock
from tests.failover.clients import Load
from tests.failover.two import Two, database, two_sites, until
from tests.failover.writers import FAST

SECONDS = 180.0
STRIKE_EVERY = 1.5
STEPS = (-86_400, -3600, -300, -30, 30, 300, 3600, 86_400)
"""Seconds by which a host's clock differs from the true time, until it is set anew."""
LONGEST_SILENCE = 30.0
"""If nobody is answered for so long, the sites stall. A dead database is taken over from in less."""


def stories(root: Path) -> Stories:
    """Each site has a clock of its own, which all its processes read."""
    with two_sites(root, units=2, conferences=200) as two:
        two.at_rest()
        clocks = [_own_clock(two, number, root) for number in range(2)]
        two.at_rest()
        yield f"crashes and clocks, {SECONDS:.0f} s", partial(_run_story, two, clocks)


def _own_clock(two: Two, number: int, root: Path) -> WallClock:
    """Start the processes of a site again with a clock that can be set."""
    folder = root / f"clock{number}"
    folder.mkdir()
    clock = WallClock(folder)
    for process in _processes(two, number):
        process.env |= clock.environment
        process.kill()
        until(lambda process=process: _has_clock(process), 60, f"{process.name} has the clock")  # type: ignore[misc]
    return clock


def _has_clock(process: Process) -> bool:
    """Return whether a process runs with a clock of the story."""
    maps = Path(f"/proc/{process.pid}/maps")
    return maps.exists() and "wall_clock" in maps.read_text()


def _processes(two: Two, number: int) -> list[Process]:
    """Return the processes of a site that are started again by themselves, its agent among them."""
    site = (two.east, two.west)[number]
    agent = database(site).agent
    assert agent is not None
    return [process for process in (*site.processes.values(), agent) if process.supervised]


def _run_story(two: Two, clocks: Sequence[WallClock]) -> str:
    load = Load(two, pause=FAST)
    try:
        load.goes_on()
        kills, steps = _strike(two, clocks)
        load.goes_on()
        two.at_rest()
        verdict = load.verdict()
        missing = load.leave()
    finally:
        load.close()
    assert verdict.good, verdict
    assert not missing, missing
    assert verdict.longest_gap < LONGEST_SILENCE, verdict.line()
    return f"{kills} kills, {steps} steps of clocks: {verdict.line()}, stalls 0"


def _strike(two: Two, clocks: Sequence[WallClock]) -> tuple[int, int]:
    """Kill processes and set clocks at random; at the end the clocks are true again. Return how many of both."""
    dice, end, kills, steps = random.Random(7), time.monotonic() + SECONDS, 0, 0
    while time.monotonic() < end:
        time.sleep(dice.uniform(0, 2 * STRIKE_EVERY))
        number = dice.randrange(2)
        if dice.random() < 0.6:
            dice.choice(_processes(two, number)).kill()
            kills += 1
        else:
            clocks[number].set_by(dice.choice(STEPS))
            steps += 1
    for clock in clocks:
        clock.set_by(0)
    return kills, steps
