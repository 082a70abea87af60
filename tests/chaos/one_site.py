"""The stories put all faults on one site with real media units and two people in a conference."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

from deploy.stand.site import Site
from tests.chaos.story import Stories
from tests.sites import running_site
from tests.stories.faults import FAULTS, Fault
from tests.stories.manager import Manager
from tests.stories.story import run_story


def stories(root: Path) -> Stories:
    """Yield one story for each fault."""
    with running_site(root, "janus", 2) as site:
        manager = Manager(site.rabbitmq.url("/"))
        for fault in FAULTS:
            yield fault.name, partial(_run_story, site, manager, fault)
        manager.close()


def _run_story(site: Site, manager: Manager, fault: Fault) -> str:
    return asyncio.run(run_story(site, manager, fault)).line()
