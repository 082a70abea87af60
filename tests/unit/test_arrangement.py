"""The arrangement of a conference: who may talk, who is shown, who stays out. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from wire.arrangement import (
    DEFAULT_ARRANGEMENT,
    Arrangement,
    ArrangementRefused,
    Banned,
    Mix,
    Poll,
    View,
    arrangement_of,
    change_members,
    change_mix,
    remaining_bans,
    to_settings_members,
)
from wire.fields import Settings, Terminal

IN_CONFERENCE = ("1", "2", "3")
NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)


def test_an_arrangement_survives_as_settings() -> None:
    arrangement = Arrangement(
        hold=1,
        maytalk=("2",),
        mix=Mix(mode=2, members=("1",)),
        layout={"mode": 1, "layout": 2, "members": [{"chn_idx": 0, "mt_id": "1"}]},
        views=(View(src="1", dst="2"),),
        banned=(Banned(name="Eve"),),
    )
    assert arrangement_of(Settings(mute=1, extra=to_settings_members(arrangement))) == arrangement
    assert to_settings_members(DEFAULT_ARRANGEMENT) == {}
    assert arrangement_of(Settings(extra={"layout": 5, "colour": "red"})) == DEFAULT_ARRANGEMENT


@pytest.mark.parametrize(
    ("arrangement", "may"),
    [
        (DEFAULT_ARRANGEMENT, "123"),
        (Arrangement(hold=1), ""),
        (Arrangement(hold=1, maytalk=("2",)), "2"),
        (Arrangement(hold=1, spare=1), "3"),
        (Arrangement(mix=Mix(mode=1)), "123"),
        (Arrangement(mix=Mix(mode=2, members=("1", "2"))), "12"),
        (Arrangement(hold=1, maytalk=("2", "3"), mix=Mix(mode=2, members=("1", "2"))), "2"),
    ],
)
def test_who_may_talk(arrangement: Arrangement, may: str) -> None:
    assert [one for one in IN_CONFERENCE if arrangement.may_talk(one, {"3"})] == list(may)


def test_changes_replace_members_and_null_takes_them_back() -> None:
    mixed = change_members(
        DEFAULT_ARRANGEMENT, {"mix": {"mode": 2, "members": ["1"]}, "vad": 15}, IN_CONFERENCE
    )
    assert (mixed.mix, mixed.vad) == (Mix(mode=2, members=("1",)), 15)
    assert change_members(mixed, {"mix": None}, IN_CONFERENCE) == Arrangement(vad=15)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"mix": {"mode": 2, "members": ["9"]}}, "20435"),
        ({"layout": {"members": [{"mt_id": "9"}]}}, "20435"),
        ({"layouts": {"9": {}}}, "20435"),
        ({"views": [{"src": "1", "dst": "9"}]}, "20435"),
        ({"poll": {"members": ["9"], "since": ""}}, "20435"),
        ({"volumes": {"9": {"1": 3}}}, "20435"),
        ({"vips": ["1"] * 9}, "29001"),
        ({"mix": {"mode": 3}}, "29001"),
        ({"layout": 5}, "29001"),
        ({"banned": []}, "29001"),
        ({"colour": "red"}, "29001"),
    ],
)
def test_what_is_refused(changes: dict[str, object], code: str) -> None:
    with pytest.raises(ArrangementRefused) as refusal:
        change_members(DEFAULT_ARRANGEMENT, changes, IN_CONFERENCE)
    assert refusal.value.errcode == code


def test_members_enter_and_leave_a_mix() -> None:
    mix = Arrangement(mix=Mix(mode=2, members=("1",)))
    assert change_mix(mix, ["2", "1"], [], IN_CONFERENCE).mix == Mix(mode=2, members=("1", "2"))
    assert change_mix(mix, [], ["1"], IN_CONFERENCE).mix == Mix(mode=2)
    for arrangement, added, removed, code in (
        (DEFAULT_ARRANGEMENT, ["1"], [], "20812"),
        (mix, ["9"], [], "20435"),
        (mix, [], ["2"], "20814"),
    ):
        with pytest.raises(ArrangementRefused) as refusal:
            change_mix(arrangement, added, removed, IN_CONFERENCE)
        assert refusal.value.errcode == code


def test_who_is_called_again_may_come_in() -> None:
    banned = (Banned(name="Eve", account="7001"), Banned(name="Mallory", visitor="a" * 16))
    assert remaining_bans(banned, [Terminal(account="7001")]) == banned[1:]
    assert remaining_bans(banned, [Terminal(account="x", name="MALLORY")]) == banned[:1]
    assert remaining_bans(banned, [Terminal(account="7002")]) == banned


def test_a_removed_terminal_is_arranged_no_more() -> None:
    arrangement = Arrangement(
        vips=("1", "2"),
        mix=Mix(mode=2, members=("1", "2")),
        views=(View(src="1", dst="2"),),
        volumes={"1": {"1": 5}},
        layouts={"1": {}},
    )
    assert arrangement.without_terminal("1") == Arrangement(
        vips=("2",), mix=Mix(mode=2, members=("2",))
    )


@pytest.mark.parametrize(
    ("poll", "seconds", "index"),
    [
        (Poll(keep_time=10, members=("1", "2", "3")), 0, 1),
        (Poll(keep_time=10, members=("1", "2", "3")), 25, 3),
        (Poll(keep_time=10, members=("1", "2", "3")), 30, 1),
        (Poll(keep_time=10, members=("1", "2", "3"), poll_index=3), 10, 1),
        (Poll(keep_time=10, members=("1", "2"), num=1), 19, 2),
        (Poll(keep_time=10, members=("1", "2"), num=1), 20, 0),
        (Poll(keep_time=10, members=("1", "2"), state=2, poll_index=2), 500, 2),
        (Poll(), 0, 0),
    ],
)
def test_whom_a_poll_shows(poll: Poll, seconds: int, index: int) -> None:
    fields = {name: getattr(poll, name) for name in poll.__struct_fields__}
    begun = Poll(**fields | {"since": NOW.isoformat()})
    assert begun.index_at(NOW + timedelta(seconds=seconds)) == index


@pytest.mark.parametrize("since", ["", "soon", "0001-01-01T00:00:00+14:00", "2026-11-29T00:00:00"])
def test_a_media_unit_may_report_any_text_as_the_beginning_of_a_poll(since: str) -> None:
    poll = Poll(keep_time=10, members=("1", "2"), since=since)
    assert poll.index_at(NOW) in (1, 2)
