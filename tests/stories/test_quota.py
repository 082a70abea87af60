"""A quota is never exceeded and never leaks, whatever dies meanwhile (I3)."""

from __future__ import annotations

import signal
from concurrent.futures import ThreadPoolExecutor

import pytest

from deploy.stand.site import Site
from tests.stories.facts import license_for, live, number_of, seats, until
from tests.stories.manager import Manager

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("stories")]

LIMIT = 60


def test_of_200_simultaneous_creates_against_a_limit_of_60_exactly_60_run(
    simulated: Site, manager: Manager
) -> None:
    license_for(simulated, LIMIT, 0)
    marks = [manager.create() for _ in range(200)]
    answers = [manager.answer_to(mark, 30) for mark in marks]
    created = [a["confE164"] for a in answers if a["type"] == "MAU_CM_CREATECONF_ACK"]
    refused = {a["errcode"] for a in answers if a["type"] == "MAU_CM_CREATECONF_NACK"}
    assert len(created) == LIMIT
    assert refused == {"29006"}
    assert live(simulated) == seats(simulated) == LIMIT
    for mark in [manager.release(number) for number in created]:
        assert manager.answer_to(mark)["type"] == "MAU_CM_RELEASECONF_ACK"
    assert live(simulated) == seats(simulated) == 0


def test_workers_killed_in_the_middle_lose_no_answer_and_leak_no_seat(
    simulated: Site, manager: Manager
) -> None:
    license_for(simulated, LIMIT, 0)
    marks = []
    for round_ in range(6):
        marks += [manager.create() for _ in range(20)]
        simulated.processes["worker1" if round_ % 2 else "worker2"].kill(signal.SIGKILL)
    answers = [manager.answer_to(mark, 60) for mark in marks]
    created = [a["confE164"] for a in answers if a["type"] == "MAU_CM_CREATECONF_ACK"]
    assert len(created) <= LIMIT
    assert len(set(created)) == len(created)
    until(lambda: live(simulated) == seats(simulated) == len(created), 30, "seats as conferences")
    with ThreadPoolExecutor(8) as pool:
        ended = list(pool.map(lambda n: manager.answer_to(manager.release(n), 30), created))
    assert {a["type"] for a in ended} == {"MAU_CM_RELEASECONF_ACK"}
    assert live(simulated) == seats(simulated) == 0
    numbers_in_use = "SELECT COUNT(*) FROM conferences_number WHERE taken=1"
    assert number_of(simulated, numbers_in_use) == 0
