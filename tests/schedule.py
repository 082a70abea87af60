"""The schedule says in which order and process tests run, and notes how long each took.

Tests of one xdist group share a stand or a queue and run one after the other in one process. All processes
but the first begin with the groups, the longest one first; these wait a good deal. The first process begins
at the other end, with the tests that need a processor alone, and comes to the groups last.
"""

from __future__ import annotations

import json
import os
import resource
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadGroupScheduling

from deploy.stand.site import Site
from deploy.stand.stand import Stand
from deploy.stand.timings import VARIABLE

GROUPS = (
    "with_core",
    "backup",
    "im",
    "media",
    "im_broker",
    "wire",
    "stories",
    "two_sites",
    "integration",
    "domains",
    "licensing",
)
"""The longest first, as the table at the end of `make test` shows; a group that is not named here comes after them."""
FOLDERS = ("failover", "media", "im", "admin_tree", "rights", "accounts", "console", "admin")
"""Tests without a group, those that wait longest first; all other folders come after these."""
NOTED_FIXTURE = 1.0
"""Seconds from which on a fixture is noted."""


def group_of(item: pytest.Item | None) -> str:
    """Return the name of the test's xdist group; "" is none."""
    mark = item.get_closest_marker("xdist_group") if item else None
    return str(mark.args[0]) if mark else ""


def folder_of(item: pytest.Item) -> str:
    """Return the folder below tests/ in which a test lies."""
    return item.nodeid.split("/")[1] if item.nodeid.count("/") > 1 else ""


def place(item: pytest.Item) -> tuple[int, int]:
    """Return where a test stands in the order."""
    if group := group_of(item):
        return 0, GROUPS.index(group) if group in GROUPS else len(GROUPS)
    folder = folder_of(item)
    return 1, FOLDERS.index(folder) if folder in FOLDERS else len(FOLDERS)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Bring the tests into the order; within a group or folder it stays as it is."""
    items.sort(key=place)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> FromBothEnds | None:
    """Use our own distribution where the usual one of groups was asked for."""
    return FromBothEnds(config, log) if config.getvalue("dist") == "loadgroup" else None


class FromBothEnds(LoadGroupScheduling):  # type: ignore[misc]  # xdist has no types
    """A schedule in which the first process takes tests from the end of the order, and all others from its start."""

    def _assign_work_unit(self, node: Any) -> None:
        if node.gateway.id == "gw0":
            self.workqueue.move_to_end(next(reversed(self.workqueue)), last=False)
        super()._assign_work_unit(node)


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """End a group's stands with its last test: each one that idles takes a fifth of a processor from the rest."""
    if group_of(item) == group_of(nextitem):
        return
    for fixtures in item.session._fixturemanager._arg2fixturedefs.values():
        for fixture in fixtures:
            result = fixture.cached_result
            if result is not None and isinstance(result[0], (Site, Stand)):
                fixture.finish(item._request)  # type: ignore[attr-defined]


# ---- what `make test` prints at its end ---------------------------------------------------------


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Note how long a test took, with its fixtures."""
    began, cpu = time.monotonic(), _cpu()
    result = yield
    group = group_of(item) or f"tests/{folder_of(item)}"
    seconds = time.monotonic() - began
    _note("test", item.nodeid, seconds, group=group, cpu=round(_cpu() - cpu, 3))
    return result


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Print the name of a test that fails at once: the whole run takes minutes."""
    if report.failed and "PYTEST_XDIST_WORKER" not in os.environ:
        print(f"\n{report.when} failed: {report.nodeid}", flush=True)


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(
    fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
) -> Iterator[None]:
    """Note a fixture that took long."""
    began = time.monotonic()
    result = yield
    if (seconds := time.monotonic() - began) >= NOTED_FIXTURE:
        name = f"{fixturedef.argname} ({fixturedef.scope}), of {fixturedef.baseid or 'tests'}"
        _note("fixture", name, seconds)
    return result


def _note(kind: str, name: str, seconds: float, **more: Any) -> None:
    directory = os.environ.get(VARIABLE)
    if not directory:
        return
    worker = os.environ.get("PYTEST_XDIST_WORKER", "alone")
    line = json.dumps({"kind": kind, "name": name, "seconds": round(seconds, 3), **more})
    with (Path(directory) / f"{worker}.jsonl").open("a") as file:
        file.write(line + "\n")


def _cpu() -> float:
    """Return the CPU seconds of this process and of its children that have ended."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime
