"""Each stage of a message center is a process; each is killed again and again, and the conformance kit passes."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from deploy.stand.rabbitmq import CLIENTS_VHOST
from deploy.stand.site import Site
from im.conformance.connections import CONNECTIONS
from im.rules import topology
from tests.chaos.chat import TIMES, run_story
from tests.chaos.story import Stories
from tests.im.door import eventually
from tests.im.killed import STAGES, STRIKES, Strike, chat_site
from tests.im.kit import run_kit


def stories(root: Path) -> Stories:
    """Return a story for the kit under each protocol, for each stage, and for broker and database."""
    with chat_site(root, stages=True) as site:
        for way in CONNECTIONS:
            yield f"stages: conformance kit over {way}", partial(_kit, site, way)
        strikes = STAGES | {name: STRIKES[name] for name in ("broker", "database")}
        for name, strike in strikes.items():
            yield f"stages: {name} killed -9, {TIMES} times", partial(_killed, site, strike)


def _kit(site: Site, way: str) -> str:
    result = run_kit(site, way)
    assert result.returncode == 0, result.stdout + result.stderr
    return f"{result.stdout.count(' ok')} checks passed"


def _killed(site: Site, strike: Strike) -> str:
    line = run_story(site, strike)
    eventually(lambda: not any(_waiting(site).values()))
    return f"{line}; nothing left between the stages"


def _waiting(site: Site) -> dict[str, int]:
    """Return how many messages are in each queue between two stages."""
    assert site.clients_broker is not None
    table = site.clients_broker.ctl("list_queues", "-p", CLIENTS_VHOST, "name", "messages")
    rows = [line.split() for line in table.splitlines() if line.startswith(topology.STAGES)]
    assert rows, table
    return {name: int(count) for name, count in rows}
