"""Each setting that is asked for at creation is done, refused with its code, or named as having no effect."""

from __future__ import annotations

from typing import Any

import pytest

from conferences.api import unsupported
from conferences.api.arrangement_parsing import parse_arrangement
from conferences.api.request_parsing import create_request
from conferences.rules.create import AllocatedNumber, Tenant, decide_create
from conferences.rules.states import Asker
from foundation import clock
from foundation.web.errors import Refusal
from wire.arrangement import Arrangement, Mix, Poll, arrangement_of
from wire.conference_manager import Creator
from wire.fields import Settings

USUAL: dict[str, Any] = {
    "name": "talk",
    "duration": 60,
    "conf_type": 1,
    "closed_conf": 0,
    "safe_conf": 0,
    "encrypted_type": 0,
    "encrypted_key": "",
    "call_mode": 0,
    "call_times": 0,
    "dual_mode": 1,
    "voice_activity_detection": 0,
    "mix": {"mode": 1, "members": []},
    "vmp": None,
    "poll": None,
    "video_formats": [{"format": 4, "resolution": 13, "frame": 30}, {"format": 0}],
    "recorder": {"recorder_mode": 1, "publish_mode": 0},
}


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        ({"encrypted_type": 2, "encrypted_key": "abc"}, 20114),
        ({"encrypted_auth": "1"}, 20114),
        ({"closed_conf": 1}, 20005),
        ({"safe_conf": True}, 20005),
        ({"vmp": {"mode": 1, "layout": 5, "members": []}}, 20331),
    ],
)
def test_a_conference_that_would_be_less_than_is_believed_is_refused(
    wish: dict[str, Any], code: int
) -> None:
    unsupported.refuse_unsafe(USUAL)
    with pytest.raises(Refusal) as refusal:
        unsupported.refuse_unsafe(USUAL | wish)
    assert refusal.value.error_code == code
    assert refusal.value.description.startswith(f"{next(iter(wish))}: ")


@pytest.mark.parametrize(
    ("wish", "name"),
    [
        ({"voice_activity_detection": 1}, "voice_activity_detection"),
        ({"call_mode": "2"}, "call_mode"),
        ({"mix": {"mode": 2, "members": [{"account": "1"}]}}, "mix"),
        ({"vmp": {"mode": 2}}, "vmp"),
        ({"poll": {"mode": 1}}, "poll"),
        ({"vips": [{"account": "1"}]}, "vips"),
        ({"video_formats": [{"format": 6, "resolution": 16}]}, "video_formats.resolution"),
        ({"video_formats": [{"format": 6, "frame": 60}]}, "video_formats.frame"),
        ({"recorder": {"recorder_mode": 1, "publish_mode": 1}}, "recorder.publish_mode"),
        ({"encrypted_key": "abc"}, "encrypted_key"),
    ],
)
def test_what_has_no_effect_is_named(wish: dict[str, Any], name: str) -> None:
    assert unsupported.names_without_effect(USUAL) == []
    assert unsupported.names_without_effect(USUAL | wish) == [name]


def test_how_everybody_enters_and_who_leads_is_part_of_the_conference() -> None:
    wish = {
        "mute": 1,
        "silence": "0",
        "chairman": {"account": "500", "account_type": 5},
        "speaker": {"account": "501"},
        "invite_members": [{"account": "501", "account_type": 5}],
    }
    command = create_request(USUAL | wish, "tenant", Creator())
    step = decide_create(
        command,
        Asker("r"),
        Tenant("tenant", "p", True),
        AllocatedNumber("880", "00001", 1),
        "c",
        clock.now(),
    )
    conference = step.after
    assert conference is not None
    assert conference.settings == Settings(mute=1, silence=0)
    numbers = {terminal.account: terminal.mtid for terminal in conference.mts}
    assert numbers.keys() == {"500", "501"}
    assert (conference.chairman, conference.speaker) == (numbers["500"], numbers["501"])


def test_who_is_heard_and_shown_is_part_of_a_conference_that_starts_at_once() -> None:
    invited = [{"account": "500", "account_type": 5}, {"account": "501", "account_type": 5}]
    wish = {
        "invite_members": invited,
        "mute_filter": 1,
        "voice_activity_detection": "1",
        "vacinterval": 30,
        "mix": {"mode": 2, "members": [{"account": "501"}]},
        "vmp": {"mode": 1, "layout": 2, "members": [{"account": "500"}, {"member_type": 2}]},
        "poll": {"mode": 1, "num": 2, "keep_time": 5, "members": [{"account": "500"}]},
        "vips": [{"account": "501"}],
    }
    assert unsupported.names_without_effect(USUAL | wish, instant=True) == []
    unsupported.refuse_unsafe(USUAL | wish, instant=True)
    called = create_request(USUAL | wish, "tenant", Creator()).mts
    now = clock.now().isoformat()
    arranged = parse_arrangement(USUAL | wish, called, now)
    assert arrangement_of(Settings(extra=arranged)) == Arrangement(
        spare=1,
        vad=30,
        mix=Mix(mode=2, members=("2",)),
        layout={
            **{"mode": 1, "layout": 2, "voice_hint": 0, "broadcast": 0, "show_mt_name": 0},
            "members": [
                {"chn_idx": 0, "member_type": 1, "mt_id": "1"},
                {"chn_idx": 1, "member_type": 2},
            ],
        },
        poll=Poll(num=2, keep_time=5, members=("1",), since=now),
        vips=("2",),
    )
    assert parse_arrangement(USUAL, called, now) == {}
