"""All faults of cells in one world under load; the long ones that `make test` leaves out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from tests.failover import faults
from tests.failover.world import World, world

Fault = Callable[[World], object]


def stories() -> Iterator[tuple[str, Fault]]:
    """Every fault with its name; crash points one by one."""
    yield "owner's database killed", faults.database_killed
    yield "home killed", faults.site_killed
    yield "backup killed", faults.backup_killed
    for seconds in (5.0, 30.0, 90.0):
        frozen = partial(faults.frozen, seconds=seconds)
        yield f"database frozen {seconds:.0f} s", partial(frozen, agent_too=False)
        yield f"site frozen {seconds:.0f} s", partial(frozen, agent_too=True)
    yield "register killed 10 s", partial(faults.register_killed, seconds=10.0)
    dark = partial(faults.register_killed_and_link_cut, seconds=10.0)
    yield "register killed and link cut 10 s", dark
    yield "link cut 10 s", partial(faults.link_cut, seconds=10.0)
    yield "link cut one way", partial(faults.link_cut, seconds=10.0, back=False)
    yield "link cut the other way", partial(faults.link_cut, seconds=10.0, forth=False)
    yield "link flapping", flapping
    yield "home isolated 10 s", partial(faults.site_isolated, seconds=10.0)
    yield "moved and handed back", faults.handed_over
    yield from crashes()


def crashes() -> Iterator[tuple[str, Fault]]:
    """kill -9 of the agent between any two actions of takeover and hand-back."""
    for play, points in (
        (faults.agent_dies_at, faults.TAKEOVER_POINTS),
        (faults.agent_dies_handing_over, faults.HAND_OVER_POINTS),
        (faults.agent_dies_returning, faults.RETURN_POINTS),
    ):
        for point in points:
            yield f"{play.__name__}: {point}", partial(play, point=point)


def flapping(made: World) -> None:
    """Cut and healed again and again, faster than anybody could get used to it."""
    for n in range(20):
        faults.link(made, cut=n % 2 == 0)
        time.sleep(0.3 + 0.1 * (n % 5))
    faults.link(made, cut=False)
    faults.home_again(made)


def told(root: Path) -> Iterator[str]:
    """A line for each story, and the checker's verdict over all of them; AssertionError: it broke."""
    with world(root) as made:
        made.write(8)
        for name, fault in stories():
            began, before = time.monotonic(), made.acknowledged()
            fault(made)
            took, count = time.monotonic() - began, made.acknowledged() - before
            yield f"{name:50} {took:6.1f} s  {count:7} acknowledged"
        verdict = made.verdict()
        assert verdict.good, f"{verdict}\n{made.story()}"
        yield str(verdict)
