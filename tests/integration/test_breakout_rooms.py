"""Breakout rooms are created with the split in one transaction, and end once with the conference that was split."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from conferences.data.commit import commit
from conferences.data.database_unit_of_work import ConferencesDatabaseUnitOfWork
from conferences.data.join_info import join_info
from conferences.data.queries import live_by_number, live_conferences_of_tenant
from conferences.data.recount import find_wrong_counts
from conferences.flows.breakout import BreakoutRefused, close_rooms, move_visitor, open_rooms
from conferences.flows.due import end_conferences_below_in, handle_due_conferences
from conferences.models import Conference as Row
from conferences.rules.breakout import Plan
from conferences.rules.decision import Decision
from conferences.rules.states import Conference
from domains.management.commands.load_demo import DEMO_TENANT
from foundation.bus.models import Outbox
from foundation.bus.unit_of_work import begin
from tests.integration.conftest import at_once, create, do

pytestmark = pytest.mark.xdist_group("integration")
PLAN = Plan(("A", "B"), 15, "even", {})
VISITORS = ("a" * 16, "b" * 16, "c" * 16)


def live_numbers() -> list[str]:
    """Return the numbers of all live conferences, rooms among them."""
    return [str(row.live_e164) for row in Row.objects.filter(live_e164__isnull=False)]


def run(place: str) -> None:
    """Let all live conferences run, as if a media unit had created them."""
    with begin(place) as uow:
        conferences = uow.part(ConferencesDatabaseUnitOfWork)
        for number in live_numbers():
            created = conferences.load(number)
            if created and not created.started_at:
                running = created.begin_running(None, uow.now)
                commit(conferences, Decision("runs", created, running))


def held(place: str) -> Conference:
    """Return a running conference, which is not split."""
    do(place, create("split"))
    run(place)
    (number,) = live_numbers()
    conference = live_by_number(number)
    assert conference
    return conference


def split(place: str) -> Conference:
    """Return a running conference that is split into two running rooms."""
    conference = held(place)
    open_rooms(conference, PLAN, VISITORS, VISITORS[0])
    run(place)
    changed = live_by_number(conference.e164)
    assert changed
    return changed


def notices_of_end() -> list[str]:
    """Return the numbers of the conferences whose end the managers are told, one for each notice."""
    bodies = [json.loads(bytes(row.body)) for row in Outbox.objects.order_by("id")]
    return sorted(body["confE164"] for body in bodies if body["type"] == "MAU_CM_RELEASECONF_NTF")


def test_a_split_is_one_conference_for_its_tenant_its_page_and_its_licence(place: str) -> None:
    conference = split(place)
    assert conference.breakout
    assert len(live_numbers()) == 3
    assert find_wrong_counts(place) == []
    page = live_conferences_of_tenant(DEMO_TENANT, "", 10)
    assert (page.total, [shown.e164 for shown in page.conferences]) == (1, [conference.e164])
    assert all(join_info(room.e164) is None for room in conference.breakout.rooms)
    info = join_info(conference.e164)
    assert info
    assert sorted(info.room_index_of(visitor) or 0 for visitor in VISITORS[1:]) == [0, 1]


def test_two_chairs_who_open_rooms_at_once_open_them_once(place: str) -> None:
    conference = held(place)
    at_once(2, lambda _: open_rooms(conference, PLAN, VISITORS, VISITORS[0]))
    assert len(live_numbers()) == 3


def test_closing_ends_the_rooms_once_however_often(place: str) -> None:
    conference = split(place)
    at_once(2, lambda _: close_rooms(conference))
    assert live_numbers() == [conference.e164]
    assert len(notices_of_end()) == 2
    with pytest.raises(BreakoutRefused):
        move_visitor(conference, VISITORS[0], 0)


def test_the_time_of_all_is_over_in_one_batch_of_the_timer(place: str) -> None:
    split(place)
    numbers = sorted(live_numbers())
    with begin(place) as uow:
        conferences = uow.part(ConferencesDatabaseUnitOfWork)
        for number in numbers:
            before = conferences.load(number)
            assert before
            over = before.change(ends_at=uow.now - timedelta(seconds=1))
            commit(conferences, Decision("its time is over", before, over))
    at_once(2, lambda _: handle_due_conferences(place))
    assert live_numbers() == []
    assert notices_of_end() == numbers
    assert find_wrong_counts(place) == []


def test_the_end_of_all_conferences_of_a_domain_ends_each_room_once(place: str) -> None:
    split(place)
    numbers = sorted(live_numbers())
    with begin(place) as uow:
        end_conferences_below_in(uow, DEMO_TENANT)
    assert live_numbers() == []
    assert notices_of_end() == numbers
    assert find_wrong_counts(place) == []
