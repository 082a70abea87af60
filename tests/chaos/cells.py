"""The stories put all faults on cells in one world under load; they are the long ones that `make test` leaves out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from tests.chaos.story import Stories
from tests.failover import faults
from tests.failover.points import HAND_OVER_POINTS, RETURN_POINTS, TAKEOVER_POINTS
from tests.failover.world import World, world
from tests.failover.writers import FAST

Fault = Callable[[World], object]


def named_faults() -> Iterator[tuple[str, Fault]]:
    """Yield every fault with its name, and crash points one by one."""
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
    """Kill the agent (SIGKILL) between any two actions of takeover and hand-back."""
    for play, points in (
        (faults.agent_dies_at, TAKEOVER_POINTS),
        (faults.agent_dies_handing_over, HAND_OVER_POINTS),
        (faults.agent_dies_returning, RETURN_POINTS),
    ):
        for point in points:
            yield f"{play.__name__}: {point}", partial(play, point=point)


def flapping(world: World) -> None:
    """Cut and healed again and again, faster than anybody could get used to it."""
    for n in range(20):
        faults.link(world, cut=n % 2 == 0)
        time.sleep(0.3 + 0.1 * (n % 5))
    faults.link(world, cut=False)
    faults.home_again(world)


def stories(root: Path) -> Stories:
    """Return a story for each fault, the checker's verdict over all of them, and the control."""
    with world(root / "cells") as cells_world:
        cells_world.write(8, FAST)
        for name, fault in named_faults():
            yield name, partial(_run_story, cells_world, fault)
        yield "verdict over all of them", partial(_judge, cells_world)
    yield "control without semi-synchronous copies", partial(_control, root / "control")


def _run_story(world: World, fault: Fault) -> str:
    before = world.acknowledged()
    fault(world)
    return f"{world.acknowledged() - before:7} acknowledged"


def _judge(world: World) -> str:
    verdict = world.verdict()
    assert verdict.good, f"{verdict}\n{world.story()}"
    return str(verdict)


def _control(root: Path) -> str:
    """Run a story that must fail, which proves that the checker sees faults."""
    lost = faults.lost_without_waiting(root)
    assert lost > 0, "nothing was lost"
    return f"{lost} lost, as it must be"
