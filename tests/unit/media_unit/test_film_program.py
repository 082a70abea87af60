"""A film whose worker is killed with -9 goes on at the segment where it stood, and nobody works twice at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import av
import orjson

from conferences.data.film_program import make_film
from tests.recorded_segments import write_segment

PATIENCE = 90.0
WORKER = """
import sys
from pathlib import Path
from conferences.data.film_program import make_film
for line in make_film(Path(sys.argv[1]), [Path(one) for one in sys.argv[2:]]):
    print(line, flush=True)
"""


def wait_until_lock_is_free(out: Path) -> None:
    """Wait until the film program of a dead worker has ended, too, as nobody reads what it prints."""
    import fcntl

    deadline = time.monotonic() + PATIENCE
    with (out / "lock").open("w") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                assert time.monotonic() < deadline, "the program outlives its worker"
                time.sleep(0.1)


def test_a_film_goes_on_at_the_segment_at_which_its_worker_was_killed(tmp_path: Path) -> None:
    places = [(2, 0.0), (8, 10.0), (2, 30.0)]
    segments = [
        write_segment(tmp_path / "segments" / str(number), 2, seconds, after)
        for number, (seconds, after) in enumerate(places)
    ]
    out, first = tmp_path / "film", tmp_path / "film" / "parts" / "0.mp4"
    argv = [sys.executable, "-c", WORKER, str(out), *map(str, segments)]
    worker = subprocess.Popen(argv, stdout=subprocess.PIPE)
    deadline = time.monotonic() + PATIENCE
    while not first.exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.kill(worker.pid, signal.SIGKILL)
    worker.communicate()
    wait_until_lock_is_free(out)
    assert not (out / "film.mp4").exists(), "it was killed in the middle"
    done = sorted((out / "parts").glob("?.mp4"))
    for part in done:
        os.utime(part, (1, 1))
    told = [line["progress"] for line in make_film(out, segments) if "progress" in line]
    assert told == sorted(told)
    assert told[0] >= 90 * 2 // 12, "what was done counts as done"
    assert {part.stat().st_mtime for part in done} == {1}, "what is done is not made again"
    with av.open(str(out / "film.mp4")) as film:
        seconds = float(film.duration or 0) / 1_000_000
    assert 21.5 < seconds < 22.5, "three segments and the cards of two gaps"
    chapters = orjson.loads((out / "chapters.json").read_bytes())
    gaps = [(round(one["at"]), one["seconds"]) for one in chapters if one["kind"] == "gap"]
    assert gaps == [(2, 8.0), (15, 12.0)]
