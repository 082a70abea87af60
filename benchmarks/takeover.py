"""The benchmark measures takeover and hand-back of a site with N conferences on simulated units."""

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


def _measure_takeover(two: Two, size: int) -> dict[str, Any]:
    """Kill the whole site east; return when west serves its platform, and when all `size` conferences run there."""
    east, west = two.east, two.west
    struck = time.monotonic()
    east.kill()
    killed = time.monotonic() - struck
    until(lambda: two.owner(east).startswith("west"), 60, "taken over", 0.02)
    taken_over = time.monotonic()
    running: list[int] = []
    until(lambda: _count_running(two, running) == size, 300, f"{size} conferences at west")
    all_running = time.monotonic()
    conferences = len(two.rows(east, west, LIVE))
    return {
        "killing_s": round(killed, 2),
        "taken_over_s": round(taken_over - struck, 2),
        "running_after_kill_s": round(all_running - struck, 2),
        "running_after_takeover_s": round(all_running - taken_over, 2),
        "ms_each": round(1e3 * (all_running - taken_over) / size, 1),
        "lost": size - conferences,
    }


def _count_running(two: Two, counts: list[int]) -> int:
    counts.append(two.running(two.east, two.west, two.west))
    return counts[-1]


def _measure_hand_back(two: Two) -> dict[str, Any]:
    """Let east come back and get its platform again.

    Return how long that took, and for how long no write was possible.
    """
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
    """Return the seconds from west's last acknowledgement to east's first."""
    west = two.west.vault.platform_moid
    acks = [ack for writer in writers for ack in writer.acks]
    first = min(ack.at for ack in acks if ack.site != west)
    return first - max(ack.at for ack in acks if ack.site == west)


def _row(two: Two, size: int) -> dict[str, Any]:
    """Measure with `size` conferences: kill their site, let it come back, and return the figures."""
    two.at_rest()
    load = AmqpLoad(two.east)
    created = load.closed(size, 32)
    assert not created.errors, created.errors[:3]
    until(lambda: two.running(two.east, two.east, two.east) == size, 60, "running at east")
    row = {
        "what": f"{size} conferences, east killed",
        **_measure_takeover(two, size),
        **_measure_hand_back(two),
    }
    print(row, flush=True)
    AmqpLoad(two.east).release(created.numbers)
    until(lambda: not two.rows(two.east, two.east, LIVE), 300, "ended")
    return row


def run() -> list[dict[str, Any]]:
    """Measure with all SIZES on one pair of sites, and return the results.

    Here a returned site counts as sound after 10 s, not after 60.
    """
    with (
        tempfile.TemporaryDirectory(prefix="bench-", dir=in_memory()) as directory,
        two_sites(Path(directory), units=4, conferences=2500, limits=LIMITS) as two,
    ):
        lift_limits(two.east)
        return [_row(two, size) for size in SIZES]
