"""A simulated media unit holds conferences and reports them: its pure behaviour."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foundation.bus.message import MAX_BYTES, BadMessage, Message, dumps, from_body, to_body
from media_unit.simulated_unit import MOST_LISTED, SimulatedUnit, UnitDescription
from wire.fields import Settings
from wire.media_unit import UnitListsConferences, UnitReportsChange
from wire.resource_pool import NodeRegistered, NodeState, UnitAmounts

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
CREATE, RESTORE = "MAU_MCU_CREATECONF_REQ", "MAU_CMU_RESTORECONF_REQ"
ACK, NACK = "MCU_MAU_CREATECONF_ACK", "MCU_MAU_CREATECONF_NACK"
Body = dict[str, Any]


def a_unit(**more: Any) -> SimulatedUnit:
    return SimulatedUnit(
        UnitDescription(**({"ip": "10.0.0.1", "pid": "s1", "platform": "p1"} | more))
    )


def an_order(e164: str = "8801", incarnation: Any = 1, **more: Any) -> Body:
    order = {"type": CREATE, "confE164": e164, "confid": "c1", "incarnation": incarnation}
    return order | {"confname": "Monday", "confpwd": "77", "maxjoinedmt": 8} | more


def a_release(incarnation: int, e164: str = "8801") -> Body:
    return {"type": "MAU_MCU_RELEASECONF_CMD", "confE164": e164, "incarnation": incarnation}


def terminals(*names: str) -> list[Body]:
    return [{"mtid": name, "account": name, "name": name, "type": "e164"} for name in names]


def bodies(messages: list[Message]) -> list[Body]:
    return [orjson.loads(dumps(to_body(message))) for message in messages]


def handle(unit: SimulatedUnit, body: Body, now: datetime = NOW) -> list[Body]:
    return bodies(unit.handle(body, now))


def control(unit: SimulatedUnit, name: str, **more: Any) -> list[Body]:
    request = {"type": f"CM_MCU_{name}", "confE164": "8801", "reqid": "r1"}
    return handle(unit, request | more)


def holds(unit: SimulatedUnit) -> dict[str, int]:
    return {e164: conference.incarnation for e164, conference in unit.conferences.items()}


def listed(unit: SimulatedUnit) -> dict[str, int]:
    """Return the conferences of the unit's lists, read as the platform reads them."""
    read = [from_body(UnitListsConferences, body) for body in bodies(unit.conference_lists(NOW))]
    assert [part.part for part in read] == list(range(1, len(read) + 1))
    assert {part.parts for part in read} == {len(read)}
    return {entry.e164: entry.incarnation for part in read for entry in part.confs}


# ---- creating, restoring, releasing -------------------------------------------------------------


def test_a_create_is_answered_with_a_join_that_says_that_it_is_simulated() -> None:
    answer, *more = handle(a_unit(), an_order())
    assert not more
    assert answer["type"] == ACK
    assert (answer["ip"], answer["pid"], answer["incarnation"]) == ("10.0.0.1", "s1", 1)
    assert answer["join"]["webrtc"]["url"] == "simulated:s1"
    assert answer["join"]["webrtc"]["pin"] == "77"


def test_a_repeated_create_is_answered_again_and_has_no_second_effect() -> None:
    unit = a_unit()
    assert handle(unit, an_order()) == handle(unit, an_order())
    assert unit.load == UnitAmounts(confs=1, ports=8)


@pytest.mark.parametrize("before", [[an_order("8801", 3)], [a_release(3)], [a_release(2)]])
def test_a_command_of_an_older_incarnation_is_refused(before: list[Body]) -> None:
    unit = a_unit()
    for body in before:
        handle(unit, body)
    (answer,) = handle(unit, an_order(incarnation=2))
    assert (answer["type"], answer["errcode"]) == (NACK, "29015")
    assert holds(unit).get("8801") != 2


def test_a_restore_with_a_higher_incarnation_takes_the_place_of_the_lower_one() -> None:
    unit = a_unit(confs=1)
    handle(unit, an_order())
    again = an_order(incarnation=2, chairman="m1", settings={"mute": 1}, mts=terminals("m1"))
    answer, report = handle(unit, again | {"type": RESTORE, "restored": 1})
    assert answer["type"] == "CMU_MAU_RESTORECONF_ACK"
    assert [terminal["mtid"] for terminal in report["mts"]] == ["m1"]
    assert holds(unit) == {"8801": 2}
    assert (unit.conferences["8801"].chairman, unit.conferences["8801"].settings.mute) == (
        "m1",
        1,
    )


def test_a_release_drops_this_incarnation_and_lower_ones_and_says_nothing() -> None:
    unit = a_unit()
    handle(unit, an_order(incarnation=4))
    assert handle(unit, a_release(3)) == []
    assert holds(unit) == {"8801": 4}
    assert handle(unit, a_release(5)) == []
    assert holds(unit) == {}
    assert unit.load == UnitAmounts()


@pytest.mark.parametrize("room", [{"confs": 1}, {"ports": 15}, {"hd": 1}])
def test_a_full_unit_refuses(room: Body) -> None:
    unit = a_unit(**room)
    handle(unit, an_order("8801", resolution="1080p"))
    (answer,) = handle(unit, an_order("8802", resolution="1080p"))
    assert answer["type"] == NACK
    assert holds(unit) == {"8801": 1}


def test_what_it_can_not_read_changes_nothing() -> None:
    unit = a_unit()
    for body in ({"type": "WHAT"}, an_order(incarnation="x"), {"type": CREATE}):
        with pytest.raises(BadMessage):
            unit.handle(body, NOW)
    assert holds(unit) == {}


commands = st.tuples(
    st.sampled_from([CREATE, RESTORE, "release", "refuse", "end"]),
    st.sampled_from(["8801", "8802", "8803"]),
    st.integers(1, 6),
    st.sampled_from([8, 32]),
    st.sampled_from(["720p", "1080p"]),
)


@given(st.lists(commands, max_size=40))
def test_it_never_holds_less_than_the_highest_seen_nor_more_than_it_can(
    sequence: list[tuple[str, str, int, int, str]],
) -> None:
    unit, newest = a_unit(confs=2, ports=48, hd=1), dict.fromkeys(("8801", "8802", "8803"), 0)
    for step, (kind, e164, incarnation, places, resolution) in enumerate(sequence):
        now = NOW + timedelta(seconds=step)
        order = an_order(e164, incarnation, maxjoinedmt=places, resolution=resolution)
        if kind == "end":
            unit.end(e164, now)
        else:
            newest[e164] = max(newest[e164], incarnation)
        if kind == "release":
            unit.handle(a_release(incarnation, e164), now)
            assert holds(unit).get(e164, incarnation + 1) > incarnation
        elif kind == "refuse":
            assert bodies(unit.refuse(order, now))[0]["type"] == NACK
        elif kind != "end":
            answer = handle(unit, order | {"type": kind}, now)[0]
            assert answer["type"].endswith("_ACK") == (holds(unit).get(e164) == incarnation)
        assert all(held == newest[number] for number, held in holds(unit).items())
        assert listed(unit) == holds(unit)
        conferences = unit.conferences.values()
        places, hd = (
            sum(conference.places for conference in conferences),
            sum(conference.hd for conference in conferences),
        )
        assert unit.load == UnitAmounts(confs=len(conferences), ports=places, hd=hd)
        assert unit.load.confs <= 2
        assert unit.load.ports <= 48
        assert unit.load.hd <= 1


# ---- what it says by itself ---------------------------------------------------------------------


def test_it_registers_as_simulated_and_its_heartbeats_tell_its_load() -> None:
    unit = a_unit(vrs=True, confs=5, ports=40, hd=2)
    handle(unit, an_order(record=1))
    mcu, vrs = [from_body(NodeRegistered, body) for body in bodies(unit.register())]
    assert (mcu.restype, vrs.restype, mcu.labels) == ("mcu", "vrs", {"simulated": True})
    assert mcu.capacity == UnitAmounts(confs=5, ports=40, hd=2)
    first, second = [from_body(NodeState, bodies(unit.heartbeats())[0]) for _ in range(2)]
    assert first.load == UnitAmounts(confs=1, ports=8, hd=0)
    assert (mcu.seq, first.seq, second.seq) == (0, 1, 2)


def test_a_unit_with_nothing_sends_an_empty_list() -> None:
    (body,) = bodies(a_unit().conference_lists(NOW))
    assert (body["confs"], body["at"]) == ([], "2026-11-21T12:00:00+00:00")
    assert "listid" not in body


@pytest.mark.parametrize(("count", "members"), [(MOST_LISTED + 1, 0), (40, 190)])
def test_long_lists_are_split(count: int, members: int) -> None:
    unit = a_unit(confs=1000, ports=10**6)
    mts = terminals(*(f"m{i}" for i in range(members)))
    for i in range(count):
        handle(unit, an_order(f"88{i}", maxjoinedmt=192, mts=mts))
    parts = bodies(unit.conference_lists(NOW))
    assert len(parts) > 1
    assert len({body["listid"] for body in parts}) == 1
    assert all(len(dumps(body)) <= MAX_BYTES for body in parts)
    assert listed(unit) == holds(unit)


def test_a_new_name_holds_once_it_is_granted() -> None:
    unit = a_unit()
    handle(unit, an_order())
    refused, granted = (bodies(unit.ask_to_rename("8801", name))[0] for name in ("A", "B"))
    answer = {"type": "MAU_MCU_MODIFYCONFNAME_NACK", "errcode": "29021", "confE164": "8801"}
    assert handle(unit, answer | {"reqid": refused["reqid"]}) == []
    answer["type"] = "MAU_MCU_MODIFYCONFNAME_ACK"
    (report,) = handle(unit, answer | {"reqid": granted["reqid"]})
    assert (report["type"], report["confname"]) == ("MCU_MAU_CONFSTATECHANGE_NTF", "B")
    assert unit.conferences["8801"].name == "B"


def test_a_new_end_is_kept() -> None:
    unit = a_unit()
    handle(unit, an_order())
    moved = {"confE164": "8801", "endtime": "2026-11-21T13:00:00+00:00"}
    handle(unit, moved | {"type": "MAU_CMU_CONFDURATION_NTF"})
    assert unit.conferences["8801"].endtime == "2026-11-21T13:00:00+00:00"


def test_an_end_of_its_own_is_reported_with_its_incarnation() -> None:
    unit = a_unit()
    handle(unit, an_order(incarnation=3))
    (notice,) = bodies(unit.end("8801", NOW))
    assert (notice["type"], notice["incarnation"]) == ("MCU_MAU_RELEASECONF_NTF", 3)
    assert unit.end("8801", NOW) == []


# ---- conference control -------------------------------------------------------------------------


def test_controls_change_what_the_list_of_members_and_the_reports_tell() -> None:
    unit = a_unit()
    handle(unit, an_order(mts=terminals("m1", "m2")))
    report, added = control(unit, "ADDMT_REQ", mts=[{"account": "9001"}])
    assert (added["type"], added["reqid"], added["pid"]) == ("MCU_CM_ADDMT_ACK", "r1", "s1")
    assert [terminal["account"] for terminal in report["mts"]] == ["m1", "m2", "9001"]
    control(unit, "DROPMT_CMD", mtids=["m2"])
    control(unit, "SILENCE_REQ", mtid="m1", value=1)
    control(unit, "SETSPEAKER_REQ", mtid="m1")
    report, _ = control(unit, "MUTE_REQ", value=1)
    assert from_body(UnitReportsChange, report).settings == Settings(mute=1, silence=0)
    (members,) = control(unit, "GETMTLIST_REQ")
    answers = {
        terminal["account"]: (terminal["online"], terminal["mute"], terminal["silence"])
        for terminal in members["mts"]
    }
    assert answers == {"m1": (1, 1, 1), "m2": (0, 1, 0), "9001": (1, 1, 0)}
    report, _ = control(unit, "DELMT_REQ", mtids=["m1"])
    assert (report["speaker"], len(report["mts"])) == ("", 2)
    assert (
        len(from_body(UnitListsConferences, bodies(unit.conference_lists(NOW))[0]).confs[0].mts)
        == 2
    )


def test_a_conference_manager_renames_without_anybody_being_asked() -> None:
    unit = a_unit()
    handle(unit, an_order())
    report, granted = control(unit, "MODIFYCONFNAME_REQ", confname="New")
    assert granted["type"] == "MCU_CM_MODIFYCONFNAME_ACK"
    assert from_body(UnitReportsChange, report).name == "New"


def test_terminals_beyond_the_places_do_not_get_in() -> None:
    unit = a_unit()
    _, report = handle(unit, an_order(mts=terminals(*"abcdefghij")))
    assert [terminal["online"] for terminal in report["mts"]] == [1] * 8 + [0] * 2


def test_recording_counts_for_the_recorder() -> None:
    unit = a_unit(vrs=True)
    handle(unit, an_order())
    assert bodies(unit.heartbeats())[1]["load"]["confs"] == 0
    control(unit, "STARTRECORD_REQ")
    assert bodies(unit.heartbeats())[1]["load"]["confs"] == 1
    control(unit, "STOPRECORD_CMD")
    assert bodies(unit.heartbeats())[1]["load"]["confs"] == 0


@pytest.mark.parametrize(
    ("name", "more", "code"),
    [
        ("MUTE_REQ", {"confE164": "9999"}, "29010"),
        ("MUTE_REQ", {"mtid": ["m1"]}, "29001"),
        ("MUTE_REQ", {"value": "loud"}, "29001"),
        ("SETCHAIRMAN_REQ", {"mtid": "nobody"}, "29001"),
        ("ADDMT_REQ", {"mts": [{}]}, "29001"),
        ("ADDMT_REQ", {"mts": [{"account": str(i)} for i in range(501)]}, "29001"),
        ("DELMT_REQ", {}, "29001"),
        ("MODIFYCONFNAME_REQ", {"confname": "a" * 65}, "29001"),
        ("SENDMSG_REQ", {}, "29001"),
        ("DANCE_REQ", {}, "29001"),
    ],
)
def test_a_control_that_can_not_be_done_is_refused(name: str, more: Body, code: str) -> None:
    unit = a_unit()
    handle(unit, an_order(mts=terminals("m1")))
    (answer,) = control(unit, name, **more)
    assert answer["type"] == f"MCU_CM_{name.removesuffix('_REQ')}_NACK"
    assert answer["errcode"] == code
    assert control(unit, name.replace("_REQ", "_CMD"), **more) == []


def a_monitor(**more: Any) -> Body:
    place = {"ip": "192.0.2.9", "port": 5000, "mtid": "m1", "mode": 1}
    request = {"type": "MAU_MCU_STARTMONITOR_REQ", "confE164": "8801", "reqid": "r9"}
    return request | place | {"incarnation": 1} | more


def test_monitors_are_started_and_stopped() -> None:
    unit = a_unit()
    handle(unit, an_order(mts=terminals("m1")))
    for _ in range(2):
        (answer,) = handle(unit, a_monitor())
        assert (answer["type"], answer["reqid"]) == ("MCU_MAU_STARTMONITOR_ACK", "r9")
    assert list(unit.conferences["8801"].monitors) == [("192.0.2.9", 5000)]
    over = {"type": "MAU_MCU_STOPMONITOR_CMD", "confE164": "8801"}
    for _ in range(2):
        assert handle(unit, over | {"monitors": [{"ip": "192.0.2.9", "port": 5000}]}) == []
        assert unit.conferences["8801"].monitors == {}


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"confE164": "9999"}, "29010"),
        ({"incarnation": 2}, "29010"),
        ({"mtid": "nobody"}, "29015"),
        ({"mtid": "", "mode": 0}, "29015"),
    ],
)
def test_a_monitor_of_what_is_not_there_is_refused(more: Body, code: str) -> None:
    unit = a_unit()
    handle(unit, an_order(mts=terminals("m1")))
    (answer,) = handle(unit, a_monitor(**more))
    assert (answer["type"], answer["errcode"]) == ("MCU_MAU_STARTMONITOR_NACK", code)
