"""Two whole sites under load, and all that may happen to them; a verdict after each story."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from tests.chaos.story import Stories
from tests.failover import site_faults as faults
from tests.failover.clients import Load
from tests.failover.points import HAND_OVER_POINTS, RETURN_POINTS, TAKEOVER_POINTS
from tests.failover.two import Two, two_sites
from tests.failover.writers import FAST

Fault = Callable[[Two], object]
LONG = 30.0


def named_faults() -> Iterator[tuple[str, Fault]]:
    """Yield every fault with its name."""
    yield "owner's database killed", lambda two: faults.database_killed(two, two.east)
    yield "home killed", lambda two: faults.site_killed(two, two.east)
    yield "standby killed", lambda two: faults.site_killed(two, two.west)
    yield "register killed 10 s", partial(faults.register_killed, seconds=10.0)
    yield "home's agent killed", lambda two: faults.agent_killed(two, two.east)
    yield "standby's agent killed", lambda two: faults.agent_killed(two, two.west)
    yield "home frozen 30 s", lambda two: faults.frozen(two, two.east, LONG)
    yield "standby frozen 30 s", lambda two: faults.frozen(two, two.west, LONG)
    yield "link cut 15 s", partial(faults.link_cut, seconds=15.0)
    yield "link cut, home not heard", partial(faults.link_cut, seconds=15.0, back=False)
    yield "link cut, home hears nothing", partial(faults.link_cut, seconds=15.0, forth=False)
    yield "link flapping", faults.flapping
    yield "home isolated 15 s", lambda two: faults.isolated(two, two.east, 15.0)
    yield "moved and handed back", faults.moved
    yield from crashes()


def crashes() -> Iterator[tuple[str, Fault]]:
    """Kill the agent (SIGKILL) between any two actions of takeover and hand-back."""
    for point in TAKEOVER_POINTS:
        yield f"west's agent dies, {point}", partial(_dies, site="west", point=point, takeover=True)
    for site, points in (("east", HAND_OVER_POINTS), ("west", HAND_OVER_POINTS)):
        for point in points:
            yield f"{site}'s agent dies, {point}", partial(_dies, site=site, point=point)
    for point in RETURN_POINTS:
        yield f"east's agent dies, {point}", partial(_dies, site="east", point=point)


def _dies(two: Two, site: str, point: str, *, takeover: bool = False) -> float:
    return faults.agent_dies_at(two, two.stand.sites[site], point, takeover=takeover)


def stories(root: Path) -> Stories:
    """Yield one story for each fault; each has a load and a verdict of its own."""
    with two_sites(root, units=2, conferences=500) as two:
        two.at_rest()
        for name, fault in named_faults():
            yield name, partial(run_story, two, fault)


def run_story(two: Two, fault: Fault, pause: float = FAST) -> str:
    """Run one story under load, and return the checker's verdict."""
    load = Load(two, pause=pause)
    try:
        load.goes_on()
        fault(two)
        load.goes_on()
        verdict = load.verdict()
        missing = load.leave()
    finally:
        load.close()
    assert verdict.good, verdict
    assert not missing, missing
    return verdict.line()
