"""The Celery app runs the timers that the apps declare, and, in each worker, the threads that handle messages."""

from __future__ import annotations

import logging
import os
import sys
from typing import Any

from celery import Celery, bootsteps, signals
from django.db import close_old_connections

from confplatform import declarations
from foundation.cells.serving import read_once

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "confplatform.settings")
# Celery runs Django's checks at the start of a worker, which load all addresses and pages, and ignores what they find.
os.environ.setdefault("CELERY_SKIP_CHECKS", "true")

log = logging.getLogger("confplatform.timers")

app = Celery("confplatform")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(list(declarations.PACKAGES))
# Celery closes the connections to databases after each task, and a timer that finds nothing would spend most of its
# time on new ones. So Celery keeps them, and Django closes those that are old, or that an error has made useless.
app.conf.CELERY_DB_REUSE_MAX = sys.maxsize


@signals.task_prerun.connect
def _close_old_connections(**_: object) -> None:
    """Close connections to databases that are old or useless, before a task."""
    close_old_connections()


def _schedule_entry(task: str, seconds: float, *arguments: float) -> dict[str, object]:
    """Return the entry of beat's schedule for a task that runs every `seconds`.

    The broker drops runs that have waited too long (`expiration`). Celery's own `expires` compares
    beat's clock with the worker's: with two seconds between them no timer would ever run.
    """
    options = {"expiration": max(1, seconds * 0.9)}
    return {"task": task, "args": arguments, "schedule": seconds, "options": options}


# Timers of one period share a message, since most find nothing to do: then a message costs more than what it starts.
app.conf.beat_schedule = {
    f"every {seconds} s": _schedule_entry("confplatform.celery.run_timers", seconds, seconds)
    for seconds in sorted(
        {timer.seconds for timer in declarations.timers().values() if not timer.alone}
    )
} | {
    name: _schedule_entry(name, timer.seconds)
    for name, timer in declarations.timers().items()
    if timer.alone
}


@app.task
def run_timers(seconds: int) -> None:
    """Run the timers of this period, one after another; one that fails is logged and does not stop the others."""
    with read_once():
        for name, timer in declarations.timers().items():
            if timer.seconds == seconds and not timer.alone:
                try:
                    app.tasks[name].run()
                except Exception:
                    log.exception("the timer %s failed", name)
                    close_old_connections()


class MessageThreads(bootsteps.StartStopStep):
    """The step in the start of `celery worker` that runs the threads which receive and send messages."""

    requires = ("celery.worker.components:Pool",)

    def __init__(self, parent: Any, **kwargs: Any) -> None:
        """Set the time limits for databases of a worker process; no thread runs yet. `parent` is the Celery worker."""
        from foundation.cells import patience

        super().__init__(parent, **kwargs)
        patience.set_time_limits(patience.WORKER)
        self._threads: list[Any] = []

    def start(self, parent: Any) -> None:
        """Start the threads that receive and send messages, once the worker's pool of tasks runs.

        A worker that serves only other queues, as for films (`-Q media`), has none.
        """
        if app.conf.task_default_queue not in app.amqp.queues.consume_from:
            return
        from confplatform import wiring

        self._threads = wiring.threads()
        for thread in self._threads:
            thread.start()

    def stop(self, parent: Any) -> None:
        """Stop the threads after their present batches. The broker delivers all other messages to other workers."""
        for thread in self._threads:
            thread.ask_to_stop()
        for thread in self._threads:
            thread.stop()
        self._threads = []


app.steps["worker"].add(MessageThreads)
