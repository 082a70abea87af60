"""Takeover and hand-back of a site with N conferences: two sites, their cells, simulated units."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.bench_site import in_memory, lift_limits
from benchmarks.load import AmqpLoad
from tests.failover.clients import writers_to_east
from tests.failover.two import LIMITS, Two, two_sites, until
from tests.failover.writers import FAST, Writer

SIZES = (50, 200, 500, 2000)
LIVE = (
    "SELECT live_e164, state, incarnation, unit_pid FROM conferences_conference"
    " WHERE live_e164 IS NOT NULL ORDER BY live_e164"
)


def _taken(two: Two, size: int) -> dict[str, Any]:
    """All of east is killed: when west owns its platform, and when all its conferences run there."""
    east, west = two.east, two.west
    struck = time.monotonic()
    east.kill()
    killed = time.monotonic() - struck
    until(lambda: two.owner(east).startswith("west"), 60, "taken over", 0.02)
    taken = time.monotonic()
    running: list[int] = []
    until(lambda: _look(two, running) == size, 300, f"{size} conferences at west")
    done = time.monotonic()
    known = len(two.rows(east, west, LIVE))
    return {
        "killing_s": round(killed, 2),
        "taken_over_s": round(taken - struck, 2),
        "running_after_kill_s": round(done - struck, 2),
        "running_after_takeover_s": round(done - taken, 2),
        "ms_each": round(1e3 * (done - taken) / size, 1),
        "lost": size - known,
    }


def _look(two: Two, seen: list[int]) -> int:
    seen.append(two.running(two.east, two.west, two.west))
    return seen[-1]


def _handed_back(two: Two) -> dict[str, Any]:
    """East comes back and gets its platform; writers say how long nobody could write."""
    east, west = two.east, two.west
    before = two.rows(east, west, LIVE)
    writers = writers_to_east(two, FAST)
    two.come_back(east)
    ready = time.monotonic()
    two.at_rest(300)
    home = time.monotonic() - ready
    time.sleep(2)
    for writer in writers:
        writer.end.set()
        writer.join(5)
    after = dict.fromkeys(two.rows(east, east, LIVE))
    return {
        "handed_back_s": round(home, 1),
        "write_pause_s": round(_pause(two, writers), 3),
        "interrupted": sum(row not in after for row in before),
    }


def _pause(two: Two, writers: list[Writer]) -> float:
    """From west's last acknowledgement to east's first."""
    there = two.west.vault.platform_moid
    acks = [ack for writer in writers for ack in writer.acks]
    first = min(ack.at for ack in acks if ack.site != there)
    return first - max(ack.at for ack in acks if ack.site == there)


def _row(two: Two, size: int) -> dict[str, Any]:
    two.at_rest()
    load = AmqpLoad(two.east)
    made = load.closed(size, 32)
    assert not made.errors, made.errors[:3]
    until(lambda: two.running(two.east, two.east, two.east) == size, 60, "running at east")
    row = {"what": f"{size} conferences, east killed", **_taken(two, size), **_handed_back(two)}
    print(row, flush=True)
    AmqpLoad(two.east).release(made.numbers)
    until(lambda: not two.rows(two.east, two.east, LIVE), 300, "ended")
    return row


def run() -> list[dict[str, Any]]:
    """All sizes on one pair of sites; home is well after 10 s here, not after 60."""
    with (
        tempfile.TemporaryDirectory(prefix="bench-", dir=in_memory()) as directory,
        two_sites(Path(directory), units=4, conferences=2500, limits=LIMITS) as two,
    ):
        lift_limits(two.east)
        return [_row(two, size) for size in SIZES]
