"""The Celery app: the whole beat table, and the threads that a worker runs beside its tasks."""

from __future__ import annotations

import os
from typing import Any

from celery import Celery, bootsteps

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "confplatform.settings")

app = Celery("confplatform")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["conferences", "domains", "failover", "im"])

TIMERS = {
    # name: (seconds, why so often)
    "conferences.tasks.due": (1, "a unit's silence is noticed after 4 s, an end after 1 s"),
    "conferences.tasks.watch_pool": (1, "a unit is lost 12 s after its last heartbeat"),
    "conferences.tasks.ask_for_lists": (60, "what units hold is compared with what we believe"),
    "conferences.tasks.mend": (15, "projection and pool are filled again if Redis was emptied"),
    "conferences.tasks.forget_old": (60, "requests are remembered for 24 h"),
    "domains.tasks.ask_again": (5, "what a platform has missed of the tree is asked for again"),
    "failover.tasks.beat": (2, "a site whose software is silent for 10 s is taken over"),
    "failover.tasks.watch": (1, "a room is lost 15 s after its last unit"),
    "failover.tasks.ask": (10, "a lost notice does no harm"),
    "failover.tasks.ask_more": (5, "while a platform is abnormal (CSS §2.2)"),
    "failover.tasks.follow_modes": (2, "an operator's mode holds when the page says so"),
    "im.tasks.revoked": (1, "who is signed out is out within 5 s, under every protocol"),
    "im.tasks.gather": (2, "who comes into a conference soon sees its conversation"),
    "im.tasks.index": (1, "what was said is found 2 s later"),
    "im.tasks.drop_files": (300, "uploads that no message carries go after a day, 1,000 at once"),
    "im.tasks.tidy": (10, "clients' queues that are not as they may be harm nobody for long"),
    "domains.tasks.trim": (600, "changes of the tree are kept for 90 days, 10,000 go at once"),
}
"""Each is a level check (what is due now?): a run that is lost or doubled does no harm."""

# Runs that wait are dropped by the broker (`expiration`). Celery's own `expires` compares beat's
# clock with the worker's: two seconds between them, and no timer would ever run.
app.conf.beat_schedule = {
    name: {"task": name, "schedule": seconds, "options": {"expiration": max(1, seconds * 0.9)}}
    for name, (seconds, _) in TIMERS.items()
}


class Messages(bootsteps.StartStopStep):
    """Runs consumers, relay and links as threads of `celery worker`."""

    requires = ("celery.worker.components:Pool",)

    def __init__(self, parent: Any, **kwargs: Any) -> None:
        super().__init__(parent, **kwargs)
        self._threads: list[Any] = []

    def start(self, parent: Any) -> None:
        """Start consuming and relaying."""
        from confplatform import wiring

        self._threads = wiring.threads()
        for thread in self._threads:
            thread.start()

    def stop(self, parent: Any) -> None:
        """Finish what is at hand; the rest goes back to the queues."""
        for thread in self._threads:
            thread.ask_to_stop()
        for thread in self._threads:
            thread.stop()
        self._threads = []


app.steps["worker"].add(Messages)
