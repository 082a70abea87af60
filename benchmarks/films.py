"""The CPU that a film costs for each recorded minute with 2, 4 and 8 people, and 100 films for two workers.

It needs no server: the film program makes films of segments that are written here. CPU seconds count, so other load on
the machine matters little; the wall time of the backlog does depend on it.
"""

from __future__ import annotations

import os
import resource
import shutil
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from conferences.data.film_program import make_film
from tests.recorded_segments import write_segment

SECONDS = int(os.environ.get("SECONDS", "60"))
PEOPLE = (2, 4, 8)
BACKLOG, WORKERS, SECONDS_OF_BACKLOG = 100, 2, 5


def run() -> list[dict[str, Any]]:
    """Return one row for each number of people, and one for the backlog."""
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        return [*(_row_of_minute(place, people) for people in PEOPLE), _row_of_backlog(place)]


def _row_of_minute(place: Path, people: int) -> dict[str, Any]:
    """Make a film of one segment; return its cost for each recorded minute."""
    segment = write_segment(place / f"with-{people}" / "1-1", people, SECONDS)
    before = _cpu_of_children()
    size = _make(place / f"film-{people}", [segment])
    cpu = _cpu_of_children() - before
    return {
        "what": f"a recorded minute of {people} people, 640x360, moving pictures",
        "CPU seconds": round(cpu * 60 / SECONDS, 1),
        "MB of MP4": round(size * 60 / SECONDS / 1e6, 1),
    }


def _row_of_backlog(place: Path) -> dict[str, Any]:
    """Make 100 short films by two workers at once; return how long that takes."""
    segment = write_segment(place / "backlog" / "1-1", 2, SECONDS_OF_BACKLOG)
    before, begun = _cpu_of_children(), time.monotonic()

    def make(number: int) -> int:
        """Make the film with this number."""
        return _make(place / f"backlog-{number}", [segment])

    with ThreadPoolExecutor(WORKERS) as workers:
        sizes = list(workers.map(make, range(BACKLOG)))
    seconds, cpu = time.monotonic() - begun, _cpu_of_children() - before
    return {
        "what": f"{BACKLOG} films of {SECONDS_OF_BACKLOG} s with 2 people wait for {WORKERS} workers",
        "made": len(sizes),
        "seconds": round(seconds),
        "CPU seconds": round(cpu),
        "CPU seconds of each beside its pictures": round(
            (cpu - BACKLOG * SECONDS_OF_BACKLOG / 60 * _cpu_of_minute(place)) / BACKLOG, 2
        ),
    }


def _cpu_of_minute(place: Path) -> float:
    """Return the CPU seconds for a recorded minute of two people, by one more film."""
    before = _cpu_of_children()
    _make(place / "film-2-again", [place / "with-2" / "1-1"])
    return (_cpu_of_children() - before) * 60 / SECONDS


def _make(out: Path, segments: list[Path]) -> int:
    """Make a film in a folder, which is deleted then; return the bytes of the film."""
    *_, last = make_film(out, segments)
    shutil.rmtree(out)
    return last["bytes"]


def _cpu_of_children() -> float:
    """Return the CPU seconds of the programs that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
