"""The benchmark of people and moments: the rows of the table "Speed" that have no calls in them.

`MOMENTS` and `PEOPLE` in the environment choose the size: five million moments of 100,000 people by default.
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.bench_site import in_memory, lift_limits, python
from deploy.stand.ports import SERVER_PORTS, claimed_ports
from deploy.stand.stand import Stand

MOMENTS = int(os.environ.get("MOMENTS", "5000000"))
PEOPLE = int(os.environ.get("PEOPLE", "100000"))

_PROBE = (
    "import django; django.setup(); from benchmarks import social_town as town;"
    " town.main({moments}, {people}, {database})"
)


def run() -> list[dict[str, Any]]:
    """Measure posts, likes and contacts on a site with instant messages, and return the results."""
    with (
        tempfile.TemporaryDirectory(prefix="bench-", dir=in_memory()) as directory,
        claimed_ports(SERVER_PORTS) as base,
        Stand(Path(directory), base, sites=1, media="none", im=True) as stand,
    ):
        site = stand.sites["east"]
        lift_limits(site)
        text = _PROBE.format(moments=MOMENTS, people=PEOPLE, database=site.mariadb.pid)
        rows: list[dict[str, Any]] = json.loads(python(site, text).splitlines()[-1])
    return rows
