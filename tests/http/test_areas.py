"""A user domain's areas of meeting rooms: administrators keep them, everybody of the domain reads them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from deploy.stand.site import Site
from tests.http.program import Program
from tests.http.test_calls import is_staff

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("stories")]


@pytest.fixture
def chief(program: Program, simulated: Site) -> Iterator[Program]:
    """The program, whose person is an administrator of the tenant meanwhile."""
    is_staff(simulated, 1)
    program.log_in("anna")
    yield program
    is_staff(simulated, 0)


def test_areas_are_created_renamed_listed_and_deleted(chief: Program) -> None:
    north = chief.post("mc/meeting_room_areas", {"area": "North"})["id"]
    assert chief.post("mc/meeting_room_areas", {"area": "North"})["error_code"] == 20105
    assert chief.post("mc/meeting_room_areas", {"area": "x" * 61})["error_code"] == 29001
    south = chief.post("mc/meeting_room_areas", {"area": "South"})["id"]
    assert chief.post(f"mc/meeting_room_areas/{south}", {"area": "East"})["success"] == 1
    listed = chief.get("mc/meeting_room_areas")
    assert (listed["total"], [row["area"] for row in listed["meeting_room_areas"]]) == (
        2,
        ["East", "North"],
    )
    for area_id in (north, south):
        assert chief.delete(f"mc/meeting_room_areas/{area_id}")["success"] == 1
    assert chief.delete(f"mc/meeting_room_areas/{north}")["error_code"] == 20108
    assert chief.get("mc/meeting_room_areas")["meeting_room_areas"] == []


def test_who_is_no_administrator_keeps_no_areas(program: Program) -> None:
    assert program.post("mc/meeting_room_areas", {"area": "Mine"})["error_code"] == 19003
    assert program.delete("mc/meeting_room_areas/1")["error_code"] == 19003
    assert program.get("mc/meeting_room_areas")["success"] == 1
