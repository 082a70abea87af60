"""Center, broker and database of instant messages killed again and again, floods, and storms."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from deploy.stand.site import Site
from tests.chaos.story import Stories
from tests.im.killed import STRIKES, chat_site, killed
from tests.im.storms import flooded, stormed

TIMES = 20
OUT_SECONDS, P99_SECONDS = 2.0, 1.0
PEOPLE, STORM_SECONDS = 1000, 10.0


def told(root: Path) -> Stories:
    """A story for each of them."""
    with chat_site(root) as site:
        yield "1,000 sign-ins at once", partial(_storm, site)
        yield "one client floods", partial(_flood, site)
        for strike in STRIKES:
            yield f"{strike} killed -9, {TIMES} times", partial(_tell, site, strike)


def _tell(site: Site, strike: str) -> str:
    verdict, silence = killed(site, strike, TIMES)
    assert verdict.is_good, verdict
    return (
        f"{verdict.acknowledged} acknowledged, missing 0, twice 0, holes 0, astray 0;"
        f" everybody answered {silence:.1f} s later at most"
    )


def _flood(site: Site) -> str:
    flood = flooded(site)
    assert flood.verdict.is_good, flood
    assert flood.seconds <= OUT_SECONDS, flood.line
    assert flood.p99 <= P99_SECONDS, flood.line
    return flood.line


def _storm(site: Site) -> str:
    seconds = stormed(site, PEOPLE)
    assert seconds <= STORM_SECONDS, f"{seconds:.1f} s"
    return f"{PEOPLE} in after {seconds:.1f} s"
