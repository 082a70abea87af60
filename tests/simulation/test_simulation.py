"""Fifty worlds come to rest; the same seed tells the same story; planted faults are found."""

from __future__ import annotations

import pytest

from conferences.states import WrongMove
from tests.simulation.planted import PLANTED
from tests.simulation.weather import STORM
from tests.simulation.world import run

FOUND_WITHIN = 60


@pytest.mark.parametrize("first", range(0, 50, 10))
def test_worlds_hold_their_promises_and_come_to_rest(first: int) -> None:
    for seed in range(first, first + 10):
        run(seed)


def test_the_same_seed_tells_the_same_story() -> None:
    assert run(7, steps=150).log == run(7, steps=150).log
    assert run(7, steps=150).log != run(11, steps=150).log


def test_a_world_is_eventful() -> None:
    log = "\n".join(line for seed in range(3) for line in run(seed, weather=STORM).log)
    assert all(word in log for word in ("ghost", "restoring on", "runs again", "is lost", "ended"))


def first_broken() -> tuple[int, str]:
    """The first seed whose world breaks, and how."""
    for seed in range(FOUND_WITHIN):
        try:
            run(seed)
        except (AssertionError, WrongMove) as wrong:
            return seed, f"{type(wrong).__name__} {wrong}"
    pytest.fail(f"not found within {FOUND_WITHIN} seeds")


@pytest.mark.parametrize("name", sorted(PLANTED))
def test_a_planted_fault_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    PLANTED[name](monkeypatch)
    seed, how = first_broken()
    print(f"{name}: seed {seed}: {how[:100]}")
