"""Synchronise: what a unit's list says against what we believe, row by row (CSS §1.2, §9.2)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from deploy.stand.site import Site
from tests.wire.actors import TENANT, Manager, MediaUnit
from tests.wire.conftest import Units
from tests.wire.line import Body
from tests.wire.saying import held, member, start
from tests.wire.world import new_room, new_tenant, room_is, turn_clock

pytestmark = pytest.mark.xdist_group("wire")


def settled(site: Site, *confs: Body) -> None:
    """Make the conferences look placed a minute ago, so that lists of now are about them."""
    for conf in confs:
        turn_clock(site, conf["confE164"], "placed_at", -60)


def is_left_alone(cm: Manager, unit: MediaUnit, number: str, state: str = "running") -> None:
    """Check that nothing happens to the conference."""
    cm.line.quiet()
    assert not unit.has_heard("MAU_MCU_RELEASECONF_CMD")
    assert not cm.has_heard("MAU_CM_CONFRESTORE_NTF", confE164=number)
    assert cm.sees(number, state)


def lost(cm: Manager, unit: MediaUnit, **fields: object) -> Body:
    """Return a conference that waits to be restored, last on this unit, which is gone."""
    conf = start(cm, unit, **fields)
    unit.unregisters()
    assert cm.hears("MAU_CM_CONFRESTORE_NTF", confE164=conf["confE164"])["state"] == "pending"
    return conf


def test_running_there_with_the_same_incarnation_nothing_happens(
    cm: Manager, unit: MediaUnit, site: Site
) -> None:
    conf = start(cm, unit)
    settled(site, conf)
    unit.lists(held(conf))
    is_left_alone(cm, unit, conf["confE164"])


def test_its_members_are_taken_from_the_list(cm: Manager, unit: MediaUnit) -> None:
    conf = start(cm, unit)
    unit.lists(held(conf, mts=[member(1), member(2)]))
    cm.line.wait(
        lambda: cm.lists(TENANT)["confs"][0]["mtnum"] == 2 or None, 20, lambda: "two members"
    )


@pytest.mark.parametrize("step", [-1, 1])
def test_another_incarnation_is_dropped(cm: Manager, unit: MediaUnit, step: int) -> None:
    number = "7712340007"
    start(cm, unit, confE164=number)
    cm.release(number)
    conf = start(cm, unit, confE164=number)
    unit.heard.clear()
    stale = conf["incarnation"] + step
    unit.lists({**held(conf), "incarnation": stale})
    drop = unit.drops(number, stale)
    assert set(drop.body) == {"type", "confE164", "incarnation"}
    assert cm.sees(number, "running")


def test_what_runs_on_another_unit_is_dropped(cm: Manager, units: Units) -> None:
    unit, stranger = units(), units(known=False)
    conf = start(cm, unit)
    stranger.lists(held(conf))
    stranger.drops(conf["confE164"], conf["incarnation"])
    is_left_alone(cm, unit, conf["confE164"])


def test_what_has_ended_or_is_unknown_is_dropped(cm: Manager, unit: MediaUnit) -> None:
    conf = start(cm, unit)
    cm.release(conf["confE164"])
    unit.heard.clear()
    unknown = {"confE164": "4040404", "incarnation": 7, "confname": "?", "mts": []}
    unit.lists(held(conf), unknown)
    unit.drops(conf["confE164"], conf["incarnation"])
    unit.drops("4040404", 7)


def test_pending_last_on_this_unit_it_is_taken_back(cm: Manager, unit: MediaUnit) -> None:
    conf = lost(cm, unit)
    unit.lists(held(conf))
    running = cm.hears("MAU_CM_CONFRESTORE_NTF", state="running")
    assert running["mcu"] == {"ip": unit.ip}
    assert cm.sees(conf["confE164"], "running")
    assert not unit.has_heard("MAU_MCU_RELEASECONF_CMD")


def test_pending_last_on_another_unit_it_is_dropped(cm: Manager, units: Units) -> None:
    unit, stranger = units(), units(known=False)
    conf = lost(cm, unit)
    stranger.lists(held(conf))
    stranger.drops(conf["confE164"], conf["incarnation"])
    assert cm.sees(conf["confE164"], "pending")


@contextmanager
def abnormal(site: Site, room: str) -> Iterator[None]:
    """Let the room be down for a while."""
    room_is(site, room, abnormal=True)
    try:
        yield
    finally:
        room_is(site, room, abnormal=False)


def test_pending_of_a_domain_and_on_a_unit_of_an_abnormal_room_it_is_dropped_and_restored_elsewhere(
    cm: Manager, units: Units, site: Site
) -> None:
    room = new_room(site)
    tenant = new_tenant(site, room_id=f"'{room}'")
    unit = units(roommoid=room)
    conf = lost(cm, unit, moid=tenant)
    with abnormal(site, room):
        unit.lists(held(conf))
        unit.drops(conf["confE164"], conf["incarnation"])
        elsewhere = units()
        again = elsewhere.takes_again(confE164=conf["confE164"])
        assert again["incarnation"] > conf["incarnation"]


def test_creating_there_the_units_answer_is_waited_for(cm: Manager, unit: MediaUnit) -> None:
    request = cm.asks_to_create()
    order = unit.hears("MAU_MCU_CREATECONF_REQ")
    unit.lists(held(order.body))
    cm.line.quiet()
    assert cm.answers(request) == []
    assert not unit.has_heard("MAU_MCU_RELEASECONF_CMD")
    unit.accepts(order)
    assert cm.answer(request)["type"] == "MAU_CM_CREATECONF_ACK"


def test_creating_there_and_not_in_the_list_nothing_happens(cm: Manager, unit: MediaUnit) -> None:
    request = cm.asks_to_create()
    order = unit.hears("MAU_MCU_CREATECONF_REQ")
    unit.lists()
    cm.line.quiet()
    unit.accepts(order)
    assert cm.answer(request)["mcu"] == {"ip": unit.ip}


def test_restoring_there_and_not_in_the_list_nothing_happens(cm: Manager, units: Units) -> None:
    conf = lost(cm, units())
    unit = units()
    order = unit.hears("MAU_CMU_RESTORECONF_REQ")
    unit.lists()
    unit.lists(held({**conf, "incarnation": order["incarnation"]}))
    is_left_alone_until_answered = cm.sees(conf["confE164"], "restoring")
    assert is_left_alone_until_answered
    unit.accepts(order)
    assert cm.sees(conf["confE164"], "running")


def test_what_the_unit_has_not_got_waits_and_is_restored(
    cm: Manager, units: Units, site: Site
) -> None:
    unit = units()
    conf = start(cm, unit)
    settled(site, conf)
    units()
    unit.lists()
    assert cm.hears("MAU_CM_CONFRESTORE_NTF")["state"] == "pending"


def test_a_list_made_before_the_conference_was_placed_says_nothing_about_it(
    cm: Manager, unit: MediaUnit, site: Site
) -> None:
    conf = start(cm, unit)
    settled(site, conf)
    before = datetime.now(UTC) - timedelta(minutes=5)
    unit.lists(at=before.isoformat(timespec="seconds"))
    is_left_alone(cm, unit, conf["confE164"])


def test_without_at_the_property_timestamp_dates_the_list(
    cm: Manager, unit: MediaUnit, site: Site
) -> None:
    conf = start(cm, unit)
    settled(site, conf)
    body = {"type": "CMU_MAU_CONFLIST_NTF", **unit.me, "confs": []}
    before = int((datetime.now(UTC) - timedelta(minutes=5)).timestamp())
    unit.sends(body, timestamp=before)
    is_left_alone(cm, unit, conf["confE164"])
    unit.sends(body)
    assert cm.hears("MAU_CM_CONFRESTORE_NTF")["state"] == "pending"


def test_a_conference_placed_just_now_counts_as_reported(cm: Manager, unit: MediaUnit) -> None:
    conf = start(cm, unit)
    unit.lists()
    is_left_alone(cm, unit, conf["confE164"])


def test_a_list_of_one_instance_says_nothing_of_its_neighbour(
    cm: Manager, units: Units, site: Site
) -> None:
    unit = units(pid="u1")
    conf = start(cm, unit)
    settled(site, conf)
    units(unit.ip, "u2").lists()
    is_left_alone(cm, unit, conf["confE164"])


def test_a_list_in_parts_is_acted_on_when_all_parts_are_there(
    cm: Manager, unit: MediaUnit, site: Site
) -> None:
    there, here, nowhere = (start(cm, unit) for _ in range(3))
    settled(site, there, here, nowhere)
    unit.lists(held(here), listid="l1", part=2, parts=2)
    is_left_alone(cm, unit, nowhere["confE164"])
    unit.lists(held(there), listid="l1", part=1, parts=2)
    assert cm.hears("MAU_CM_CONFRESTORE_NTF")["confE164"] == nowhere["confE164"]
    for conf in (there, here):
        assert cm.sees(conf["confE164"], "running")


def test_a_part_that_comes_twice_is_one_part(cm: Manager, unit: MediaUnit, site: Site) -> None:
    first, second = start(cm, unit), start(cm, unit)
    settled(site, first, second)
    for _ in range(2):
        unit.lists(held(first), listid="l2", part=1, parts=2)
    is_left_alone(cm, unit, second["confE164"])


def test_units_are_asked_for_their_lists(cm: Manager, unit: MediaUnit, site: Site) -> None:
    site.manage("shell", "-c", "from conferences.tasks import ask_for_lists; ask_for_lists()")
    assert unit.hears("MAU_CMU_GETCONFLIST_CMD").body == {"type": "MAU_CMU_GETCONFLIST_CMD"}
