"""The functions here run the program `media_unit.film`, which joins recorded segments to one video, as a process.

A process of its own may crash without harm to the worker.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Generator, Sequence
from pathlib import Path

_REPOSITORY = Path(__file__).resolve().parents[2]
_KEPT = ("PATH", "LANG", "LD_LIBRARY_PATH", "PYTHONPATH")


class FilmFailed(Exception):
    """The exception that says why no film (video of a whole recording) could be made."""


def make_film(out: Path, segments: Sequence[Path]) -> Generator[dict[str, int]]:
    """Join the recorded segments in these folders to a video in the folder `out`; yield what the program prints.

    That is `{"progress": percent}` many times, and `{"ms", "bytes"}` (length, size) at the end. If the caller stops
    iterating, the program is killed. Raises FilmFailed.
    """
    out.mkdir(parents=True, exist_ok=True, mode=0o700)
    argv = [sys.executable, "-m", "media_unit.film", str(out), *map(str, segments)]
    environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
    with (out / "film.log").open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 - a program of ours
            argv, stdout=subprocess.PIPE, stderr=log, env=environment, cwd=_REPOSITORY
        )
    assert process.stdout is not None
    try:
        for line in process.stdout:
            yield json.loads(line)
        process.wait()
    except ValueError:
        raise FilmFailed("the program printed what is no JSON") from None
    finally:
        process.kill()
        process.stdout.close()
        process.wait()
        lines = (out / "film.log").read_text(errors="replace").strip().splitlines()
    # Not reached if the caller has stopped iterating: then the program was killed, and has not failed.
    if process.returncode:
        raise FilmFailed(lines[-1][:200] if lines else f"it ended with {process.returncode}")
