"""Takeover and hand-back, seen from the conferences: one test for each way a site can come and go (CSS §2.3)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from conferences.data.pool_view import load_resources
from conferences.flows import due
from conferences.rules.states import ConferenceState
from domains.management.commands.load_demo import DEMO_TENANT
from domains.models import MachineRoom
from foundation import clock
from foundation.bus.delivery import Delivery
from foundation.bus.dispatch import handle_batch
from foundation.bus.envelope import Envelope
from foundation.bus.message import dumps
from foundation.cells import directory
from media_unit.simulated_faults import FaultOrder
from tests.integration.two_sites import WEST, TwoSites, ask, create
from wire.arrangement import arrangement_of
from wire.routes import Routes

pytestmark = [
    pytest.mark.xdist_group("integration"),
    pytest.mark.django_db(transaction=True, databases=["default", "west"]),
]

CONTROL, UPU = Routes.CM_TO_UNIT, Routes.TO_UPU.value.queue


@pytest.fixture
def at_west(two: TwoSites) -> str:
    """Return the number of a conference of east that runs at west, after takeover and hand-back."""
    number = create(two, two.east)
    two.dead.add(two.east)
    two.serve(two.east, two.west)
    two.dead.clear()
    two.serve(two.east, two.east)
    two.forget()
    c = two.conference(number)
    assert (c.state, c.unit and c.unit.site) == (ConferenceState.RUNNING, WEST)
    return number


# ---- takeover ------------------------------------------------------------------------------------


def test_what_ran_at_the_lost_site_runs_at_the_backup(two: TwoSites) -> None:
    numbers = [create(two, two.east, f"c{n}") for n in range(5)]
    two.dead.add(two.east)
    two.forget()
    two.serve(two.east, two.west)
    for number in numbers:
        c = two.conference(number)
        assert (c.state, c.unit and c.unit.site, c.incarnation) == ("running", WEST, 2)
        assert (c.source_platform, c.hosting_platform) == (two.east, WEST)
    notices = two.got(two.west, "MAU_CM_CONFRESTORE_NTF", "meeting.css.q")
    assert sorted(b["state"] for b in notices) == ["pending"] * 5 + ["running"] * 5
    assert len(two.got(two.west, "CSS_UPU_ADDCONF_NTF", UPU)) == 5
    assert directory.redis_of(two.east).hget(f"confex/{numbers[0]}", "platformmoid") == WEST


def test_what_was_being_created_is_created_at_the_backup(two: TwoSites) -> None:
    two.units[two.east].apply_fault(FaultOrder.parse("freeze"), clock.now())
    body = {"type": "CM_MAU_CREATECONF_REQ", "moid": DEMO_TENANT, "confname": "x", "reqid": "c1"}
    two.tell(two.east, body, reply_to="asker")
    two.dead.add(two.east)
    two.serve(two.east, two.west)
    [answer] = two.heard[two.west, "asker"]
    c = two.conference(answer["confE164"])
    assert (c.state, c.unit and c.unit.site, c.incarnation) == ("running", WEST, 2)


def test_a_create_is_taken_by_who_serves_and_refused_by_the_other(two: TwoSites) -> None:
    two.serve(two.east, two.west)
    number = create(two, two.west)
    assert number.startswith("8800")
    assert two.conference(number).source_platform == two.east
    body = {"type": "CM_MAU_CREATECONF_REQ", "moid": DEMO_TENANT, "confname": "x", "reqid": "c2"}
    two.tell(two.east, body, reply_to="asker")
    [answer] = two.heard[two.east, "asker"]
    assert (answer["type"], answer["errcode"]) == ("MAU_CM_CREATECONF_NACK", "29005")
    assert WEST in answer["detail"]


def test_a_neighbour_gets_the_list_from_who_serves_the_platform_and_is_refused_by_the_other(
    two: TwoSites,
) -> None:
    number = create(two, two.east)
    two.dead.add(two.east)
    two.serve(two.east, WEST)
    assert two.conference(number).hosting_platform == WEST
    listed = list_for_neighbour(two, WEST)
    assert (listed["type"], listed["total"]) == ("NPP_NGI_GETCONFLIST_ACK", 1)
    assert [conf["confE164"] for conf in listed["confs"]] == [number]
    two.dead.discard(two.east)
    refused = list_for_neighbour(two, two.east)
    assert (refused["type"], refused["errcode"]) == ("NPP_NGI_GETCONFLIST_NACK", "29005")
    assert WEST in refused["detail"]


def list_for_neighbour(two: TwoSites, site: str) -> dict[str, Any]:
    """Ask a site, as a neighbouring system, for the conferences of east; return the answer."""
    two.forget()
    mark = f"ask {site}"
    question = {"type": "NGI_NPP_GETCONFLIST_REQ", "reqid": mark, "platformmoid": two.east}
    two.tell(site, question, Routes.TO_NPP, app_id="ngi", reply_to="ngi", correlation_id=mark)
    (answer,) = two.heard[site, "ngi"]
    return answer


def test_a_request_that_the_lost_site_has_answered_has_the_same_answer_here(two: TwoSites) -> None:
    number = create(two, two.east)
    two.serve(two.east, two.west)
    assert create(two, two.west) == number


def test_a_unit_of_the_lost_site_is_told_to_drop_what_runs_here(two: TwoSites) -> None:
    number = create(two, two.east)
    two.dead.add(two.east)
    two.serve(two.east, two.west)
    two.dead.clear()
    unit = two.units[two.east]
    assert number in unit.unit.conferences
    two.say(two.east, unit.connect(clock.now()))
    two.settle()
    assert number not in unit.unit.conferences
    assert number in two.units[two.west].unit.conferences


# ---- control -------------------------------------------------------------------------------------


def test_control_goes_by_way_of_its_site_and_the_answer_to_the_asker(
    two: TwoSites, at_west: str
) -> None:
    assert ask(two, two.east, "CM_MCU_MUTE_REQ", at_west, value=1) == ["MCU_CM_MUTE_ACK"]
    assert [(s, mark) for s, mark, b in two.passed if b["type"] == "CM_MCU_MUTE_REQ"] == [
        (two.east, "x-origin")
    ]
    assert [(s, mark) for s, mark, b in two.passed if b["type"] == "MCU_CM_MUTE_ACK"] == [
        (two.west, "x-via")
    ]
    assert two.got(two.west, "MCU_CM_MUTE_ACK") == []


def test_control_of_what_its_site_does_not_run_is_refused_to_the_asker(
    two: TwoSites, at_west: str
) -> None:
    body = {"type": "CM_MCU_MUTE_REQ", "confE164": "88009999", "reqid": "r", "value": 1}
    headers = {"headers": {"x-origin": two.east}, "correlation_id": "mark"}
    two.tell(two.west, body, CONTROL, **headers)
    passed = [b for s, mark, b in two.passed if (s, mark) == (two.west, "x-via")]
    assert [(b["type"], b["errcode"]) for b in passed] == [("MCU_CM_MUTE_NACK", "29012")]


def test_a_cm_of_the_backup_that_controls_what_it_does_not_serve_is_told_who_does(
    two: TwoSites, at_west: str
) -> None:
    assert ask(two, two.west, "CM_MCU_MUTE_REQ", at_west, value=1) == ["MCU_CM_MUTE_NACK"]
    assert two.heard[two.west, "asker"][0]["errcode"] == "29005"


# ---- what the unit there says --------------------------------------------------------------------


def test_what_the_unit_says_is_passed_on_and_told_to_the_main_s_cm(
    two: TwoSites, at_west: str
) -> None:
    body = {"type": "MCU_CM_MTLIST_NTF", "confE164": at_west}
    two.tell(two.west, body, Routes.UNIT_TO_CSS, app_id="cmu@10.0.0.1")
    assert two.got(two.east, "MCU_CM_MTLIST_NTF", "meeting.mccntf.q")
    assert two.got(two.west, "MCU_CM_MTLIST_NTF") == []


def test_arrangement_and_password_of_what_runs_at_the_backup_are_kept_at_the_main_and_restored(
    two: TwoSites, at_west: str
) -> None:
    layout = {"mode": 1, "layout": 2, "members": [{"chn_idx": 0, "member_type": 2}]}
    changes = {"layout": layout, "broadcast": 1, "vad": 15}
    orders: dict[str, dict[str, object]] = {
        "ARRANGE": {"changes": changes},
        "MODIFYCONFPWD": {"confpwd": "other"},
    }
    for name, fields in orders.items():
        answers = ask(two, two.east, f"CM_MCU_{name}_REQ", at_west, **fields)
        assert answers == [f"MCU_CM_{name}_ACK"]
    kept = two.conference(at_west)
    arranged = arrangement_of(kept.settings)
    assert (arranged.layout, arranged.broadcast, kept.password) == (layout, 1, "other")

    two.dead.add(two.west)
    two.serve(two.west, two.east)
    unit = two.conference(at_west).unit
    assert unit is not None
    assert unit.site == two.east
    restored = two.units[two.east].unit.conferences[at_west]
    assert arrangement_of(restored.settings) == arranged
    assert restored.password == "other"


def test_a_rename_asked_by_the_unit_is_granted_by_the_main_s_cm(
    two: TwoSites, at_west: str
) -> None:
    wish = {"do": "rename", "confE164": at_west, "confname": "new"}
    two.say(two.west, two.units[two.west].act_for_participant(wish, clock.now()))
    two.settle()
    assert two.got(two.east, "MAU_CM_MODIFYCONFNAME_REQ", "meeting.css.q")
    assert two.got(two.west, "MAU_MCU_MODIFYCONFNAME_ACK", "unit")
    assert two.got(two.east, "MAU_MCU_MODIFYCONFNAME_ACK", "unit") == []
    assert two.conference(at_west).name == "new"
    for site in (two.east, two.west):
        assert [b["confname"] for b in two.got(site, "CSS_UPU_MDFCONF_NTF", UPU)] == ["new"]


def test_an_extension_asked_at_the_main_reaches_the_unit_directly(
    two: TwoSites, at_west: str
) -> None:
    before = two.conference(at_west).ends_at
    assert ask(two, two.east, "CM_MAU_DELAYCONF_REQ", at_west, delay=30) == ["CM_MAU_DELAYCONF_ACK"]
    after = two.conference(at_west).ends_at
    assert before
    assert after == before + timedelta(minutes=30)
    assert len(two.got(two.west, "MAU_CMU_CONFDURATION_NTF", "unit")) == 1
    assert [b["type"] for s, _, b in two.passed if s == two.east] == ["MAU_CMU_CONFDURATION_NTF"]


def test_an_extension_asked_by_the_unit_is_stored_at_the_main_and_answered_directly(
    two: TwoSites, at_west: str
) -> None:
    before = two.conference(at_west).ends_at
    wish = {"do": "extend", "confE164": at_west, "delay": 20}
    two.say(two.west, two.units[two.west].act_for_participant(wish, clock.now()))
    two.settle()
    after = two.conference(at_west).ends_at
    assert before
    assert after == before + timedelta(minutes=20)
    assert len(two.got(two.west, "MAU_MCU_DELAYCONF_ACK", "unit")) == 1
    assert len(two.got(two.east, "CM_MAU_CONFDURATION_NTF")) == 1


def test_a_list_of_the_unit_there_changes_nothing_that_is_right(
    two: TwoSites, at_west: str
) -> None:
    two.say(two.west, two.units[two.west].connect(clock.now()))
    two.settle()
    assert two.conference(at_west).state == "running"
    assert at_west in two.units[two.west].unit.conferences
    assert [b["type"] for s, _, b in two.passed if s == two.west] == ["CMU_MAU_CONFLIST_NTF"]


# ---- its end -------------------------------------------------------------------------------------


def test_its_end_is_announced_once_by_the_site_where_it_runs(two: TwoSites, at_west: str) -> None:
    two.change(at_west, ends_at=clock.now() + timedelta(minutes=4.9))
    two.tick()
    two.tick()
    assert [b["minutes"] for b in two.got(two.west, "MAU_CMU_CONFWILLEND_NTF", "unit")] == [5]
    assert [b["minutes"] for b in two.got(two.east, "MAU_CM_CONFWILLEND_NTF")] == [5]
    assert two.got(two.west, "MAU_CM_CONFWILLEND_NTF") == []


def test_the_site_where_it_runs_asks_for_its_end_when_its_time_is_over(
    two: TwoSites, at_west: str
) -> None:
    two.change(at_west, ends_at=clock.now() - timedelta(seconds=1))
    two.tick()
    passed_on = [b for s, _, b in two.passed if s == two.west]
    assert [(b["type"], b["reason"]) for b in passed_on] == [("CM_MAU_RELEASECONF_REQ", "expired")]
    assert at_west not in two.units[two.west].unit.conferences
    assert [b["reason"] for b in two.got(two.east, "MAU_CM_RELEASECONF_NTF")] == ["expired"]


def test_what_was_prolonged_meanwhile_is_not_ended_by_an_old_copy(
    two: TwoSites, at_west: str
) -> None:
    body = {"type": "CM_MAU_RELEASECONF_REQ", "confE164": at_west, "reason": "expired"}
    two.tell(two.east, {**body, "reqid": "old"}, app_id=f"css@{WEST}")
    assert two.conference(at_west).state == "running"


def test_the_owner_ends_it_a_minute_later_where_its_site_did_not_ask(
    two: TwoSites, at_west: str
) -> None:
    two.dead.add(two.west)
    two.change(at_west, ends_at=clock.now() - timedelta(seconds=1))
    two.tick()
    waits = two.conference(at_west)
    assert waits.give_up_at
    assert waits.ends_at
    assert waits.give_up_at - waits.ends_at == timedelta(seconds=60)
    two.change(at_west, give_up_at=clock.now())
    two.tick()
    assert [b["reason"] for b in two.got(two.east, "MAU_CM_RELEASECONF_NTF")] == ["expired"]


def test_the_main_ends_it_and_both_registries_and_one_record_know(
    two: TwoSites, at_west: str
) -> None:
    assert ask(two, two.east, "CM_MAU_RELEASECONF_REQ", at_west) == ["MAU_CM_RELEASECONF_ACK"]
    assert at_west not in two.units[two.west].unit.conferences
    for site in (two.east, two.west):
        [free] = two.got(site, "CSS_UPU_DELCONF_NTF", UPU)
        assert (free["confE164"], free["platformmoid"]) == (at_west, WEST)
    records = two.got(two.east, "CSS_BMC_CDR_NTF") + two.got(two.west, "CSS_BMC_CDR_NTF")
    platforms = [(r["record"]["sourceplatform"], r["record"]["hostingplatform"]) for r in records]
    assert platforms == [(two.east, WEST)]
    with two.at(WEST):
        assert [resource.confs.placed for resource in load_resources(WEST).values()] == [0]


def test_a_unit_there_that_ends_it_ends_it_at_the_main(two: TwoSites, at_west: str) -> None:
    two.say(
        two.west,
        two.units[two.west].act_for_participant({"do": "end", "confE164": at_west}, clock.now()),
    )
    two.settle()
    assert len(two.got(two.east, "MAU_CM_RELEASECONF_NTF")) == 1


def test_a_unit_there_that_dies_leaves_its_conferences_to_the_main_s_units(
    two: TwoSites, at_west: str
) -> None:
    two.say(two.west, two.units[two.west].unregister())
    two.settle()
    c = two.conference(at_west)
    assert (c.state, c.unit and c.unit.site, c.incarnation) == ("running", two.east, 3)
    assert at_west in two.units[two.east].unit.conferences


def test_a_backup_that_dies_too_leaves_them_to_the_main(two: TwoSites, at_west: str) -> None:
    two.dead.add(two.west)
    two.serve(two.west, two.east)
    c = two.conference(at_west)
    assert (c.state, c.unit and c.unit.site) == ("running", two.east)


# ---- what waits ----------------------------------------------------------------------------------


def test_what_waits_for_a_site_that_is_down_comes_in_order_when_it_is_back(
    two: TwoSites, at_west: str
) -> None:
    two.dead.add(two.west)
    assert ask(two, two.east, "CM_MAU_DELAYCONF_REQ", at_west, delay=10) == ["CM_MAU_DELAYCONF_ACK"]
    assert ask(two, two.east, "CM_MAU_RELEASECONF_REQ", at_west) == ["MAU_CM_RELEASECONF_ACK"]
    two.dead.clear()
    two.settle()
    kinds = [b["type"] for b in two.heard[two.west, "unit"]]
    assert kinds == ["MAU_CMU_CONFDURATION_NTF", "MAU_MCU_RELEASECONF_CMD"]


def test_what_was_left_unsent_for_a_site_goes_to_its_own_broker_once_it_serves(
    two: TwoSites,
) -> None:
    number = create(two, two.east)
    two.dead.add(two.east)
    two.serve(two.east, two.west)  # tells east's registry that it no longer runs there
    two.forget()
    two.dead = {two.west}
    two.serve(two.east, two.east)
    kinds = [b["type"] for b in two.heard[two.east, UPU]]
    assert kinds == ["CSS_UPU_DELCONF_NTF", "CSS_UPU_ADDCONF_NTF"]
    assert two.conference(number).hosting_platform == WEST


def test_what_runs_here_for_another_site_leaves_an_abnormal_room_too(two: TwoSites) -> None:
    number = create(two, two.east)
    two.dead.add(two.east)
    two.serve(two.east, two.west)
    with two.at(two.west):
        room = MachineRoom.objects.using("west").create(
            platform_id=two.west, name="room", order=1, is_default=True
        )
        notice = {"type": "SERVER_ROOM_STATE_NOTIFY", "platformmoid": two.west, "number": 1}
        about = {"roommoid": room.moid, "state": "abnormal", "userdomains": []}
        queue = Routes.ROOM_NOTICE.value.queue
        letter = Delivery(dumps({**notice, **about}), Envelope(queue=queue))
        handle_batch([letter], publish_inline=False)
    assert two.conference(number).state == "pending"


def test_due_on_a_copy_does_nothing(two: TwoSites, at_west: str) -> None:
    two.change(at_west, ends_at=clock.now() - timedelta(hours=1))
    with two.at(two.west):
        assert due.handle_due_conferences(two.east) == 0
