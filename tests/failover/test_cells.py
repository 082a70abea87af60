"""Real databases, real agents, continuous writers: acknowledged and lost 0, done twice 0, two sites 0."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from failover.data.cells.own_database import find_unsafe_setting
from tests.failover import faults
from tests.failover.world import World, world


@pytest.fixture(autouse=True)
def _databases_of_our_own(django_db_blocker: Any) -> Iterator[None]:
    """Make the tables of models in the cells, not in the session's test database."""
    with django_db_blocker.unblock():
        yield


@pytest.fixture
def cells(tmp_path: Path) -> Iterator[World]:
    """Yield two sites under load; assert afterwards that nothing is lost."""
    with world(tmp_path) as new_world:
        new_world.write()
        faults.home_again(new_world)
        yield new_world
        verdict = new_world.verdict()
        assert verdict.good, f"{verdict}\n{new_world.story()}"


def test_a_dead_database_is_restarted_in_place_and_a_dead_site_is_taken_over(cells: World) -> None:
    faults.database_killed(cells)
    faults.site_killed(cells)


def test_a_frozen_site_that_thaws_is_fenced_and_serves_again_later(cells: World) -> None:
    faults.frozen(cells, 1.0, agent_too=True)


def test_an_isolated_site_is_fenced_and_serves_again_later(cells: World) -> None:
    faults.site_isolated(cells, 1.0)


def test_an_owner_goes_on_alone_and_is_protected_again(cells: World) -> None:
    faults.backup_killed(cells)
    faults.link_cut(cells, 1.0)


def test_a_site_whose_software_dies_hands_over_and_that_counts_as_a_takeover(cells: World) -> None:
    assert faults.software_dies(cells) == 1
    assert cells.events("handover") == 2
    assert cells.events("takeover") == 0


def test_an_agent_that_was_frozen_takes_nobody_over(cells: World) -> None:
    faults.judge_frozen(cells, 2.5)


def test_a_copy_that_was_cut_off_takes_nobody_over_when_it_is_back(cells: World) -> None:
    for _ in range(3):
        faults.copy_isolated(cells, 3.5)


def test_the_register_is_needed_for_changes_only(cells: World) -> None:
    faults.register_killed(cells, 1.0)
    faults.register_killed_and_link_cut(cells, 1.0)


def test_an_operator_moves_a_platform_and_home_gets_it_back(cells: World) -> None:
    faults.handed_over(cells)
    assert cells.events("handover") == 2
    assert cells.events("takeover") == 0


def test_an_owner_that_is_fenced_stays_down_until_the_other_site_serves(cells: World) -> None:
    cells.wish(wish="west", wish_by="ann", wish_fence=1)
    cells.served("west", protected=False)
    assert "fenced by ann" in cells.sides["east"].log.read_text()
    assert not cells.row().wish_fence
    faults.home_again(cells)


def test_an_agent_that_dies_while_it_takes_over_is_followed_by_one_that_goes_on(
    cells: World,
) -> None:
    faults.agent_dies_at(cells, "promote: drained")


def test_an_agent_that_dies_while_it_hands_over_is_followed_by_one_that_goes_on(
    cells: World,
) -> None:
    faults.agent_dies_handing_over(cells, "hand over: told")


def test_nobody_takes_over_in_mode_off_and_an_operator_still_may(cells: World) -> None:
    cells.wish(mode="off")
    cells.sides["east"].kill_all()
    cells.until(lambda: "nobody takes over, mode off" in cells.sides["west"].log.read_text())
    assert cells.row().owner == "east"
    cells.wish(wish="west", wish_by="ann")
    cells.served("west", protected=False)
    cells.wish(mode="auto")
    faults.home_again(cells)


def test_a_dangerous_setting_is_named(cells: World) -> None:
    link = cells.sides["west"].link()
    assert find_unsafe_setting(link, 2, 7) == ""
    for setting, word in (
        ("sync_binlog=0", "power cut"),
        ("rpl_semi_sync_master_timeout=10000", "finite"),
        ("rpl_semi_sync_slave_enabled=0", "in silence"),
    ):
        before = link.value(f"@@{setting.partition('=')[0]}")
        link.execute(f"SET GLOBAL {setting}")
        assert word in find_unsafe_setting(link, 2, 7)
        link.execute(f"SET GLOBAL {setting.partition('=')[0]}={before}")
    assert "another cell" in find_unsafe_setting(link, 3, 7)


def test_the_checker_sees_what_is_lost_without_semi_synchronous_copies(tmp_path: Path) -> None:
    assert faults.lost_without_waiting(tmp_path) > 0
