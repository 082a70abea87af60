"""The module runs several functions in parallel threads. The first error is raised at once, and so is an interrupt."""

from collections.abc import Callable, Sequence
from threading import Thread

Job = Callable[[], object]


class Parallel:
    """Functions that run in parallel threads. An interrupt of the main thread does not wait for them."""

    def __init__(self) -> None:
        self._threads: list[Thread] = []

    def run(self, jobs: Sequence[Job]) -> None:
        """Run all jobs in parallel and wait for them. Raises the first error as soon as it happens."""
        failures: list[BaseException] = []
        threads = [Thread(target=_run_job, args=(job, failures), daemon=True) for job in jobs]
        self._threads += threads
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads) and not failures:
            for thread in threads:
                thread.join(0.02)
        if failures:
            raise failures[0]

    def wait_for_rest(self, seconds: float) -> None:
        """Wait for the threads that an interrupt or a failure left running, for each at most so many seconds."""
        for thread in self._threads:
            thread.join(seconds)
        self._threads.clear()


def _run_job(job: Job, failures: list[BaseException]) -> None:
    """Run a job, and add its exception, if it raises one, to `failures`."""
    try:
        job()
    except BaseException as failure:
        failures.append(failure)
