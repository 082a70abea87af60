"""Run several jobs at once: the first failure is raised, and an interrupt is not held up."""

from collections.abc import Callable, Sequence
from threading import Thread

Job = Callable[[], object]


class Parallel:
    """The threads of one stand; an interrupt in the main thread does not wait for them, `drain` does."""

    def __init__(self) -> None:
        self._threads: list[Thread] = []

    def run(self, jobs: Sequence[Job]) -> None:
        """Run all at once; raise the first failure as soon as it happens."""
        failures: list[BaseException] = []
        threads = [Thread(target=_guarded, args=(job, failures), daemon=True) for job in jobs]
        self._threads += threads
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads) and not failures:
            for thread in threads:
                thread.join(0.02)
        if failures:
            raise failures[0]

    def drain(self, seconds: float) -> None:
        """Wait for the threads that an interrupt or a failure left running."""
        for thread in self._threads:
            thread.join(seconds)
        self._threads.clear()


def _guarded(job: Job, failures: list[BaseException]) -> None:
    try:
        job()
    except BaseException as failure:
        failures.append(failure)
