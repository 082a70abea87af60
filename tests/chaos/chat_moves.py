"""People of east go on talking while all of east is killed, at west meanwhile, and at east again."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path

from deploy.stand.site import Site
from tests.chaos.story import Stories
from tests.failover.two import Two, two_sites, until
from tests.im.killed import Talk, add_people

WELL_SECONDS = 20.0
"""Home is well after so long: everybody has talked at west by then."""


def stories(root: Path) -> Stories:
    """Yield the one story."""
    limits = {"well": WELL_SECONDS, "longest_pause": WELL_SECONDS}
    with two_sites(root, media="none", units=0, im=True, limits=limits) as two:
        two.at_rest()
        yield "chat: home killed, and back", partial(moved_and_back, two)


def moved_and_back(two: Two) -> str:
    """Clients know both sites' addresses; nobody types a password again."""
    add_people(two.east)
    talk = Talk(two.east, two.west.http)
    try:
        talk.goes_on()
        two.east.kill()
        struck = time.monotonic()
        until(lambda: two.owner(two.east).startswith("west"), 60, "taken over")
        seconds = time.monotonic() - struck
        talk.goes_on()
        answered = time.monotonic() - struck
        two.come_back(two.east)
        two.at_rest(300)
        until(lambda: _all_are_at(talk, two.east), 120, "at home again")
        talk.goes_on()
        talk.falls_silent()
        verdict = talk.verdict()
    finally:
        talk.close()
    assert verdict.is_good, verdict
    return (
        f"taken over after {seconds:.1f} s, everybody answered at west after {answered:.1f} s;"
        f" {verdict.acknowledged} acknowledged, missing 0, twice 0, holes 0"
    )


def _all_are_at(talk: Talk, site: Site) -> bool:
    return all(device.connection and device.person.url == site.http for device in talk.devices)
