"""Center, broker and database of instant messages killed again and again, floods, and storms."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path

from deploy.stand.site import Site
from tests.chaos.story import Stories
from tests.im.killed import STRIKES, Strike, chat_site, killed
from tests.im.storms import flooded, stormed

TIMES = 20
OUT_SECONDS, P99_SECONDS = 2.0, 1.0
SIZES = (8 * 1024, 60 * 1024, 120 * 1024)
"""Of a text at most, of a message that is read, and of one that the broker takes."""
PEOPLE, STORM_SECONDS = 1000, 10.0


def stories(root: Path) -> Stories:
    """Return a story for each of them."""
    with chat_site(root) as site:
        yield "1,000 sign-ins at once", partial(_storm, site)
        yield "one client floods", partial(_flood, site)
        for size in SIZES:
            yield f"one client floods with {size // 1024} KiB", partial(_flood, site, size)
        yield "one client floods without a name", partial(_flood, site, 1024, nameless=True)
        for name, strike in STRIKES.items():
            yield f"{name} killed -9, {TIMES} times", partial(run_story, site, strike)


def run_story(site: Site, strike: Strike) -> str:
    """Strike a site again and again while people write, and report what became of their messages."""
    verdict, silence = killed(site, strike, TIMES)
    assert verdict.is_good, verdict
    return (
        f"{verdict.acknowledged} acknowledged, missing 0, twice 0, holes 0, astray 0;"
        f" everybody answered {silence:.1f} s later at most"
    )


def _flood(site: Site, size: int = 5, *, nameless: bool = False) -> str:
    flood = flooded(site, size, nameless=nameless)
    _let_in_again(site)
    assert flood.verdict.is_good, flood
    assert flood.seconds <= OUT_SECONDS, flood.line
    assert flood.p99 <= P99_SECONDS, flood.line
    return flood.line


def _storm(site: Site) -> str:
    seconds = stormed(site, PEOPLE)
    assert seconds <= STORM_SECONDS, f"{seconds:.1f} s"
    return f"{PEOPLE} in after {seconds:.1f} s"


def _let_in_again(site: Site) -> None:
    """Forget who was put out, so that the next story may begin."""
    forget = "from im.data import presence_store as p; p._redis().delete(p.FLOOD)"
    site.manage("shell", "-c", forget)
    time.sleep(1.5)  # the auth backend reads it every second
