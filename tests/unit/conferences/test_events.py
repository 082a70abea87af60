"""Which change of a conference is told on which channel (pushes of the HTTP API §5.2)."""

from __future__ import annotations

from typing import Any

import msgspec
import orjson
import pytest

from conferences.data.commit import commit
from conferences.rules.create import give_up_create
from conferences.rules.events import MAX_REPORTED_ENTRIES, events_of_change
from conferences.rules.monitor_states import Monitor
from conferences.rules.restore import decide_lost
from conferences.rules.sharing import id_of_sharer
from conferences.rules.states import Conference, ConferenceState, EndReason
from foundation.bus.typed_json import read_as
from tests.factories import NOW, NUMBER, UNIT, conference, memory_unit_of_work, seconds
from wire.fields import Join, Settings, Terminal, WebRtc

_S = ConferenceState
PATH = f"/confs/{NUMBER}"


def told(before: Conference | None, after: Conference) -> list[tuple[str, dict[str, Any]]]:
    return [(event.channel, orjson.loads(event.body)) for event in events_of_change(before, after)]


def updates(before: Conference | None, after: Conference) -> list[str]:
    """Return the channels of a change that tells of updates alone."""
    events = told(before, after)
    assert all(body == {"method": "update"} for _, body in events)
    return [channel for channel, _ in events]


def terminal(mtid: str, **fields: Any) -> Terminal:
    return Terminal(mtid=mtid, account=f"700{mtid}", online=1, **fields)


def test_a_new_conference_is_told_of_once_it_runs() -> None:
    new = conference(_S.CREATING, started_at=None)
    assert told(None, new) == []
    assert updates(new, new.begin_running(Join(webrtc=WebRtc(url="x")), NOW)) == [PATH]


def test_a_create_that_failed_is_told_with_the_code_of_its_nack() -> None:
    new = conference(_S.CREATING)
    after = give_up_create(new, "29502", NOW).after
    assert after is not None
    assert told(new, after) == [
        (f"{PATH}/alarm", {"method": "notify", "error_code": 20101}),
        (PATH, {"method": "delete"}),
    ]


def test_an_end_is_told_once() -> None:
    c = conference(mts=(terminal("1"),), speaker="1")
    assert told(c, c.end(EndReason.RELEASED, NOW)) == [(PATH, {"method": "delete"})]


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "other"},
        {"password": "1234"},
        {"ends_at": NOW + seconds(7200)},
        {"settings": Settings(mute=1)},
    ],
)
def test_what_programs_see_of_a_conference_is_told(changes: dict[str, Any]) -> None:
    c = conference()
    assert updates(c, c.change(**changes)) == [PATH]


@pytest.mark.parametrize(
    "changes", [{"warned": 5}, {"empty_since": NOW}, {"answer_by": NOW}, {"question": 7}]
)
def test_what_no_program_sees_is_not_told(changes: dict[str, Any]) -> None:
    c = conference()
    assert told(c, c.change(**changes)) == []


def test_a_loss_and_its_restore_are_told_the_search_between_is_not() -> None:
    c = conference(join=Join(webrtc=WebRtc(url="x")))
    lost = decide_lost(c, UNIT, NOW).after
    assert lost is not None
    assert updates(c, lost) == [PATH]
    asked = conference(_S.PENDING_RESTORE).ask(NOW)
    assert told(conference(_S.PENDING_RESTORE), asked) == []
    restoring = conference(_S.RESTORING)
    assert updates(restoring, restoring.begin_running(None, NOW)) == [PATH]


def test_each_terminal_has_a_channel_of_its_own() -> None:
    before = conference(mts=(terminal("1"), terminal("2"), terminal("3")))
    after = before.change(mts=(terminal("1"), terminal("2", mute=1), terminal("4")))
    assert told(before, after) == [
        (f"{PATH}/cascades/0/mts/2", {"method": "update"}),
        (f"{PATH}/cascades/0/mts/4", {"method": "update"}),
        (f"{PATH}/cascades/0/mts/3", {"method": "delete"}),
    ]


def test_an_id_with_odd_letters_stays_one_segment() -> None:
    before = conference()
    after = before.change(mts=(terminal("a/b *"),))
    assert updates(before, after) == [f"{PATH}/cascades/0/mts/a%2Fb%20%2A"]


def test_roles_have_channels_of_their_own() -> None:
    c = conference()
    assert updates(c, c.change(chairman="1", speaker="2")) == [
        f"{PATH}/chairman",
        f"{PATH}/speaker",
    ]


def test_who_shares_a_screen_has_a_channel_while_the_conference_runs() -> None:
    nobody = conference(mts=(terminal("1"), terminal("2"), terminal("3")))
    two = nobody.change(mts=(terminal("1"), terminal("2", dual=1), terminal("3", dual=1)))
    one = nobody.change(mts=(terminal("1"), terminal("2", dual=1), terminal("3")))
    assert updates(nobody, two)[0] == f"{PATH}/dualstream"
    assert id_of_sharer(two) == id_of_sharer(one) == "2"
    assert f"{PATH}/dualstream" not in updates(two, one)
    assert id_of_sharer(nobody) == ""
    pending = decide_lost(two, UNIT, NOW).after
    assert pending is not None
    assert id_of_sharer(pending) == ""


def with_settings(**extra: Any) -> Conference:
    return conference(settings=read_as(Settings, extra))


def test_what_a_unit_arranges_has_channels_of_its_own() -> None:
    before = with_settings(mix={"mode": 2, "members": ["1"]}, recording=1, poll={"mode": 1})
    view = {"mode": 1, "src": "2", "dst": "1"}
    after = with_settings(
        mix={"mode": 2, "members": ["1", "2"]}, recording=1, layouts={"1": {}}, views=[view]
    )
    assert told(before, after) == [
        (PATH, {"method": "update"}),
        (f"{PATH}/mixs/1", {"method": "update"}),
        (f"{PATH}/mtvmps/1", {"method": "update"}),
        (f"{PATH}/inspections/1/1", {"method": "update"}),
        (f"{PATH}/poll", {"method": "delete"}),
    ]


@pytest.mark.parametrize(
    ("composed_before", "composed", "error_code"),
    [
        (0, 1, None),
        (1, 20902, 20902),
        (20902, 20902, None),
        (20902, 20901, 20901),
        (20902, 1, None),
        (1, 0, 20901),
        (0, 0, None),
    ],
)
def test_a_composition_that_fails_is_told_once_with_its_code(
    composed_before: int, composed: int, error_code: int | None
) -> None:
    layout = {"mode": 1, "layout": 1, "members": []}
    before = with_settings(layout=layout, composed=composed_before)
    after = with_settings(layout=layout, composed=composed, vad=3)
    notified = [event for event in told(before, after) if event[1]["method"] == "notify"]
    expected = [(f"{PATH}/vmps/1", {"method": "notify", "error_code": error_code})]
    assert notified == (expected if error_code else [])


def test_a_composition_that_was_ended_has_not_failed() -> None:
    before = with_settings(layout={"mode": 1, "layout": 1, "members": []}, composed=1)
    assert told(before, with_settings()) == [
        (PATH, {"method": "update"}),
        (f"{PATH}/vmps/1", {"method": "delete"}),
    ]


def test_a_monitor_is_told_of_when_it_runs_and_when_it_runs_no_more() -> None:
    asked = Monitor(ip="10.0.0.9", port=40000, mode=1, due_at=NOW)
    runs = msgspec.structs.replace(asked, running=True)
    kept = msgspec.structs.replace(runs, due_at=NOW + seconds(9))
    none, channel = conference(), f"{PATH}/monitor/10.0.0.9/40000"
    assert told(none, none.change(monitors=(asked,))) == []
    assert updates(none.change(monitors=(asked,)), none.change(monitors=(runs,))) == [channel]
    assert told(none.change(monitors=(runs,)), none.change(monitors=(kept,))) == []
    assert updates(none.change(monitors=(kept,)), none) == [channel]


def test_events_are_staged_with_the_change_for_the_conferences_own_domain() -> None:
    c = conference()
    uow = memory_unit_of_work(c)
    uow.begin(NOW)
    commit(uow, decide_lost(c, UNIT, NOW))
    assert [(event.user_domain, event.channel) for event in uow.events] == [("u1", PATH)]


def test_a_media_unit_that_reports_thousands_of_pictures_causes_no_thousands_of_events() -> None:
    c = conference()
    layouts = {str(number): {"mode": 1} for number in range(5000)}
    views = [{"src": "1", "dst": str(number)} for number in range(5000)]
    after = c.change(settings=read_as(Settings, {"layouts": layouts, "views": views}))
    assert len(updates(c, after)) == 1 + 2 * MAX_REPORTED_ENTRIES


def test_that_the_picture_follows_who_talks_no_more_is_a_change_and_no_end() -> None:
    following = with_settings(vad=15)
    assert updates(with_settings(), following) == [PATH, f"{PATH}/vad"]
    assert updates(following, with_settings()) == [PATH, f"{PATH}/vad"]
