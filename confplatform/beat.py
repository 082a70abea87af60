"""The scheduler of `celery beat`: the timers of each period when they are due, by a clock that nobody can set.

Celery's own schedulers count by the wall clock: when that is set back by an hour, no timer runs for an hour.
"""

from __future__ import annotations

import time
from heapq import heapify, heapreplace

from celery.beat import Scheduler


class MonotonicScheduler(Scheduler):
    """The scheduler sends the task of each period when it is due. It stores nothing: after a restart all are due."""

    def setup_schedule(self) -> None:
        """Take the periods of the timers that the apps declare, and nothing of Celery's own; all are due at once."""
        self.merge_inplace(self.app.conf.beat_schedule)
        now = time.monotonic()
        self._periods = {
            name: entry["schedule"] for name, entry in self.app.conf.beat_schedule.items()
        }
        self._due = [(now, name) for name in self.schedule]
        heapify(self._due)

    def tick(self, *args: object, **options: object) -> float:
        """Send one task that is due, and return how many seconds to wait before the next call.

        A run that was missed, because the host slept or the broker was unavailable, is not made up for.
        """
        due, name = self._due[0]
        now = time.monotonic()
        if due > now:
            return due - now
        period = self._periods[name]
        following = due + period
        heapreplace(self._due, (following if following > now else now + period, name))
        self.apply_entry(self.schedule[name], producer=self.producer)
        return 0.0

    def close(self) -> None:
        """Do nothing: SIGTERM comes in the middle of a conversation with the broker, which ends with the process.

        Celery's own schedulers close the connection here, in the signal handler, and then wait for an answer
        that the interrupted call has already read.
        """
