"""Two whole sites under load: an operator rehearses, a site dies; `make chaos` has the long ones."""

from __future__ import annotations

import json

import pytest

from deploy.stand.errors import StandError
from tests.chaos.two_sites import run_story
from tests.failover import site_faults
from tests.failover.follower import Follower
from tests.failover.two import Two
from tests.failover.writers import CALM

pytestmark = pytest.mark.xdist_group("two_sites")


def dr(two: Two, *words: str) -> str:
    """Run the operator's command at the core, and return its output, also where it refuses."""
    try:
        two.core.manage("dr", *words, "--yes")
    except StandError as refused:
        return str(refused)
    log = (two.core.directory / "log" / "manage.log").read_text()
    return log.splitlines()[-1]


def test_an_operator_rehearses_and_is_refused_what_would_harm(two: Two) -> None:
    epoch = two.row(two.east).epoch
    assert "is healthy and serves its platform" in dr(two, "takeover", "east")
    assert "serves its platform already" in dr(two, "handback", "east")
    assert two.row(two.east).epoch == epoch
    times = json.loads(dr(two, "drill", "east", "--json"))["seconds"]
    print(f"drill: {times}")
    assert times["takeover"] < 10
    assert times["handback"] < 10
    two.at_rest()


def test_a_site_dies_under_load_its_conferences_live_and_it_serves_again(two: Two) -> None:
    with Follower(two) as follower:
        print(run_story(two, lambda two: site_faults.site_killed(two, two.east), CALM))
        assert follower.sites == {"east", "west"}
        follower.has_heard_all()


def test_a_dead_database_and_a_dead_agent_cost_a_moment(two: Two) -> None:
    def fault(two: Two) -> None:
        site_faults.database_killed(two, two.east)
        site_faults.agent_killed(two, two.west)

    print(run_story(two, fault, CALM))
