"""Define the flow that joins the recorded segments of a conference to a film (one video file), once all have come.

A timer finds the recordings that are due, and a worker makes each film.
"""

from __future__ import annotations

import logging
import shutil
import time

from conferences.data import film_jobs, recording_store
from conferences.data.film_program import FilmFailed, make_film
from foundation import clock
from foundation.cells.directory import store_of

log = logging.getLogger("conferences.recordings")

_NOTED_SECONDS = 2.0


def take_due(platform: str) -> list[str]:
    """Return the ids of the recordings of a platform whose films a worker is to make now."""
    database, now = store_of(platform).database, clock.now()
    film_jobs.report_lost(database, now)
    film_jobs.queue_due(database)
    return film_jobs.take_to_send(database, now)


def make(platform: str, recording: str) -> None:
    """Make the film (one video file) of a recording, unless another worker makes it or it needs none.

    What a dead worker has finished of it is used: the work goes on at the segment where that one stood. It is given
    up if the recording is deleted or given to another worker meanwhile. A failure is stored, and tried again later.
    """
    job = film_jobs.claim(platform, recording)
    if job is None:
        return
    folder = recording_store.folder_of(recording)
    noted_at = time.monotonic()
    try:
        for line in make_film(folder, job.folders):
            if "bytes" in line:
                if film_jobs.finish(job, line["ms"], line["bytes"]):
                    shutil.rmtree(folder / "parts", ignore_errors=True)
                log.info("the film of %s is ready: %d s", recording, line["ms"] // 1000)
                return
            if time.monotonic() - noted_at >= _NOTED_SECONDS:
                noted_at = time.monotonic()
                if not film_jobs.note_progress(job, line["progress"]):
                    log.info("the film of %s is not ours any more", recording)
                    return
        raise FilmFailed("the program ended without a film")
    except (FilmFailed, OSError) as error:
        log.warning("no film of %s at attempt %d: %s", recording, job.attempt, error)
        film_jobs.fail(job, str(error))


def try_again(platform: str, recording: str) -> bool:
    """Queue the film of a recording once more if all attempts have failed; return whether they had."""
    return film_jobs.try_again(platform, recording)
