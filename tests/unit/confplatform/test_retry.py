"""A batch that fails runs one by one; an item that always fails is parked, and the others are done."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from foundation.bus import retry
from foundation.bus.retry import RetriedBatch, run_with_retries


class Away(Exception):
    """The database is away."""


class Batch(RetriedBatch[str, list[str]]):
    """A batch of words; `failures` says which errors each word still causes."""

    pauses = (0.1, 0.2, 0.3)
    unavailable = (Away,)

    def __init__(self, failures: dict[str, list[Exception]]) -> None:
        self.failures = failures
        self.log: list[str] = []

    def run(self, items: Sequence[str]) -> list[str]:
        for item in items:
            if self.failures.get(item):
                raise self.failures[item].pop(0)
        return list(items)

    def park(self, item: str, error: Exception) -> list[str]:
        return [f"{item} parked: {error}"]

    def log_failed_batch(self, items: Sequence[str], error: Exception) -> None:
        self.log.append(f"{len(items)} failed")

    def log_failed_try(self, item: str, attempt: int, error: Exception) -> None:
        self.log.append(f"{item} failed {attempt}")


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the pauses that were made."""
    pauses: list[float] = []
    monkeypatch.setattr("foundation.bus.retry.time.sleep", pauses.append)
    return pauses


def errors(count: int) -> list[Exception]:
    """Return errors that can be told apart."""
    return [ValueError(str(number)) for number in range(count)]


def test_a_batch_without_failure_runs_once_together(slept: list[float]) -> None:
    batch = Batch({})
    assert batch.run_batch(["a", "b"]) == [["a", "b"]]
    assert (batch.log, slept) == ([], [])


def test_one_bad_item_is_parked_after_its_tries_and_the_others_are_done(slept: list[float]) -> None:
    batch = Batch({"b": errors(9)})
    assert batch.run_batch(["a", "b", "c"]) == [["a"], ["b parked: 3"], ["c"]]
    assert batch.log == ["3 failed", "b failed 1", "b failed 2", "b failed 3"]
    assert slept == [0.1, 0.2, 0.3]


def test_an_item_that_succeeds_at_last_is_not_parked(slept: list[float]) -> None:
    batch = Batch({"a": errors(3)})
    assert batch.run_batch(["a"]) == [["a"]]
    assert batch.log == ["1 failed", "a failed 1", "a failed 2"]
    assert slept == [0.1, 0.2]


@pytest.mark.parametrize("before", [0, 1, 2])
def test_while_nothing_can_be_done_nothing_is_parked(before: int, slept: list[float]) -> None:
    batch = Batch({"a": [*errors(before), Away()]})
    with pytest.raises(Away):
        batch.run_batch(["a", "b"])


class PatientBatch(Batch):
    """A batch that also waits for a database that is away."""

    def may_retry(self, error: Exception) -> bool:
        return True


def test_a_patient_batch_gives_up_after_its_tries_without_parking(slept: list[float]) -> None:
    assert PatientBatch({"a": [*errors(1), Away(), Away()]}).run_batch(["a"]) == [["a"]]
    with pytest.raises(Away):
        PatientBatch({"a": [*errors(1), Away(), Away(), Away()]}).run_batch(["a"])


def fails(failures: list[Exception]) -> Callable[[], str]:
    """Return a function that raises these errors, one per call, and then succeeds."""

    def run() -> str:
        if failures:
            raise failures.pop(0)
        return "done"

    return run


def test_tries_are_as_many_as_pauses_and_the_last_error_is_raised(slept: list[float]) -> None:
    assert run_with_retries(fails(errors(2)), retry.AT_ONCE, lambda error: True) == "done"
    with pytest.raises(ValueError, match="2"):
        run_with_retries(fails(errors(3)), retry.AT_ONCE, lambda error: True)
    assert slept == []


def test_an_error_that_is_not_worth_a_retry_is_raised_at_once(slept: list[float]) -> None:
    with pytest.raises(ValueError, match="0"):
        run_with_retries(fails(errors(2)), (1.0, 1.0), lambda error: False)
    assert slept == []
