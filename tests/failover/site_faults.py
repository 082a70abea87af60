"""Faults against two whole sites. Each ends as it began: both serve themselves, protected."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterable

from deploy.stand import owned
from deploy.stand.site import Site
from failover.data.cells.server_process import Server
from tests.failover.two import Two, database, until


def site_killed(two: Two, site: Site) -> tuple[float, float]:
    """Kill all processes of a site; it comes back and serves again by itself. Return the seconds of both."""
    other = two.other(site)
    began = time.monotonic()
    site.kill()
    until(lambda: two.owner(site).startswith(other.name), 60, f"taken over by {other.name}")
    seconds = time.monotonic() - began
    two.come_back(site)
    return seconds, two.at_rest()


def database_killed(two: Two, site: Site) -> float:
    """Kill a platform's database at home: it is restarted in place, and nobody takes over."""
    epoch = two.row(site).epoch
    pid = Server(database(site).own).pid()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    until(lambda: database(site).pid not in (None, pid), 30, "restarted")
    took = two.at_rest()
    assert two.row(site).owner == site.vault.platform_moid
    assert two.row(site).epoch - epoch <= 2, "it was taken over"
    return took


def agent_killed(two: Two, site: Site) -> float:
    """Kill the agent: its supervisor starts it again."""
    agent = database(site).agent
    assert agent is not None
    agent.kill()
    until(lambda: agent.alive, 30, "started again")
    return two.at_rest()


def register_killed(two: Two, seconds: float) -> float:
    """Kill the register: everything goes on as it is."""
    two.core.mariadb.kill()
    time.sleep(seconds)
    two.core.mariadb.start()
    return two.at_rest()


def frozen(two: Two, site: Site, seconds: float) -> float:
    """Freeze every process of a site (SIGSTOP), then let them go on, in any order."""
    began = time.monotonic()
    pids = owned.processes_of(site.directory)
    _signal(pids, signal.SIGSTOP)
    taken_over_after = until(lambda: not two.owner(site).startswith(site.name), 60, "taken over")
    time.sleep(max(0.0, began + seconds - time.monotonic()))
    _signal(reversed(pids), signal.SIGCONT)
    two.at_rest()
    return taken_over_after


def link_cut(two: Two, seconds: float, *, forth: bool = True, back: bool = True) -> float:
    """Cut the link between the sites, both ways or one; then heal it."""
    two.links.cut(forth=forth, back=back)
    time.sleep(seconds)
    two.links.heal()
    return two.at_rest()


def flapping(two: Two, times: int = 20) -> float:
    """Cut and heal the link again and again."""
    for n in range(times):
        two.links.cut()
        time.sleep(0.3 + 0.2 * (n % 5))
        two.links.heal()
        time.sleep(0.3 + 0.1 * (n % 4))
    return two.at_rest()


def isolated(two: Two, site: Site, seconds: float) -> float:
    """Cut a site off from the other one and the register: it is taken over, and fenced."""
    began = time.monotonic()
    two.links.isolate(site.name)
    taken_over_after = until(lambda: not two.owner(site).startswith(site.name), 60, "taken over")
    time.sleep(max(0.0, began + seconds - time.monotonic()))
    two.links.heal()
    two.at_rest()
    return taken_over_after


def moved(two: Two) -> float:
    """Let an operator move east's platform to west, and back again."""
    two.core.manage("dr", "drill", "east", "--yes")
    return two.at_rest()


def agent_dies_at(two: Two, site: Site, point: str, *, takeover: bool) -> float:
    """Let the agent of a site die at a point of a takeover, or of an operator's move and back."""
    agent = database(site).agent
    assert agent is not None
    usual = agent.argv
    agent.argv = [sys.executable, "-m", "tests.failover.run_agent", str(database(site).file)]
    agent.argv += ["--die-at", point]
    agent.restart()
    two.at_rest()
    agent.argv, deaths = usual, agent.deaths  # the one that follows it is as always
    if takeover:
        two.east.kill()
    else:
        set_mode(two, two.east, "manual")
    until(lambda: two.owner(two.east) in ("west", "west*"), 60, "served by west")
    if takeover:
        two.come_back(two.east)
    else:
        set_mode(two, two.east, "auto")
    took = two.at_rest()
    assert agent.deaths > deaths, f"it never came to: {point}"
    return took


def set_mode(two: Two, platform: Site, mode: str) -> None:
    """Set the mode as an operator does."""
    two.core.manage("dr", "mode", platform.name, mode, "--yes")


def _signal(pids: Iterable[int], signal_number: int) -> None:
    for pid in pids:
        try:
            os.kill(pid, signal_number)
        except ProcessLookupError:
            continue
