"""The PMS answers, and a room is left: real database, Redis and dispatch."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.urls import reverse

from conferences.models import Conference, ResourceUnit
from domains.management.commands.load_demo import DEMO_TENANT
from domains.models import Account, BackupPlatform, MachineRoom, PlatformDomain, UserDomain
from failover.flows import platforms, rooms
from failover.models import Heard, RoomWatch
from foundation import clock
from foundation.bus.delivery import Delivery
from foundation.bus.models import Outbox, Parked
from tests.admin.conftest import conference_row
from tests.integration.conftest import delivery, do
from tests.web_clients import Browser
from wire.routes import Routes, pms_queue

MONITOR = Routes.ROOM_NOTICE.value.queue
Body = dict[str, Any]


def ask_pms(kind: str, platform: str, **envelope: Any) -> Delivery:
    """Return a question to the PMS."""
    body = {"type": kind, "platformmoid": platform}
    return delivery(body, pms_queue(platform), **envelope)


def staged_bodies(kind: str) -> list[Body]:
    """Return all messages of a type that wait to be sent, in order."""
    bodies = [json.loads(bytes(row.body)) for row in Outbox.objects.order_by("id")]
    return [body for body in bodies if body["type"] == kind]


@pytest.fixture
def two_rooms(platform: str) -> list[MachineRoom]:
    """Return the default room with one unit and a conference on it, and a second room with another unit."""
    first = MachineRoom.objects.get(platform_id=platform)
    second = MachineRoom.objects.create(platform_id=platform, name="Room 2", order=1)
    for pid, room in (("u1", ""), ("u2", second.moid)):
        ResourceUnit.objects.create(
            restype="mcu", ip="10.0.0.1", pid=pid, room=room, registered_at=clock.now()
        )
    return [first, second]


def lost(pid: str, *, for_seconds: float) -> None:
    """Let a unit be lost, and its room have been seen without units since so long ago."""
    ResourceUnit.objects.filter(pid=pid).update(online=False)
    rooms.update_rooms(settings.PLATFORM_MOID)
    since = clock.now() - timedelta(seconds=for_seconds)
    RoomWatch.objects.exclude(since=None).update(since=since)
    rooms.update_rooms(settings.PLATFORM_MOID)


def test_the_pms_says_how_a_platform_is_and_where_its_servers_are(platform: str) -> None:
    question = ask_pms("PLATFORM_STATE_REQ", platform, reply_to="asker", correlation_id="7")
    where = ask_pms("PLATFORM_CONFIG_REQ", platform)
    (outcome,) = platforms.handle_batch(platform, [question, where])
    state, config = (json.loads(row.body) for row in outcome.rows)
    assert (outcome.rows[0].routing_key, outcome.rows[1].routing_key) == (
        "asker",
        "MAU.RPCPLATINFO.Q",
    )
    assert (state["state"], state["serving"], state["epoch"]) == ("normal", platform, 1)
    assert config["mysql"] == [{"url": "", "platformmoid": platform}]
    assert "password" not in json.dumps(config)


def test_a_platform_that_nobody_knows_is_not_well(platform: str) -> None:
    (outcome,) = platforms.handle_batch(platform, [ask_pms("PLATFORM_STATE_REQ", "no-such")])
    state = json.loads(outcome.rows[0].body)
    assert (state["state"], state["serving"], state["epoch"]) == ("abnormal", "", 0)
    do(platform, delivery(state, MONITOR))
    assert Parked.objects.count() == 0
    assert not platforms.is_any_abnormal(platform)


def test_css_asks_where_its_backups_servers_are(platform: str) -> None:
    backup = PlatformDomain.objects.create(
        moid="backup", name="Backup", parent=PlatformDomain.objects.get(pk=platform).parent
    )
    BackupPlatform.objects.create(platform_id=platform, backup=backup, order=1)
    platforms.request_states(platform, everything=True)
    asked_for = [question["platformmoid"] for question in staged_bodies("PLATFORM_CONFIG_REQ")]
    assert asked_for == [platform, "backup"]
    assert len(staged_bodies("PLATFORM_STATE_REQ")) == 1


def test_what_the_pms_does_not_take_is_parked(platform: str) -> None:
    platforms.handle_batch(platform, [ask_pms("RMS_NODE_STATE_NTF", platform)])
    assert Parked.objects.count() == 1


def test_css_asks_and_the_newest_notice_wins(platform: str) -> None:
    platforms.request_states(platform, everything=True)
    assert (
        len(staged_bodies("PLATFORM_STATE_REQ")) == len(staged_bodies("PLATFORM_CONFIG_REQ")) == 1
    )
    notice = {"type": "PLATFORM_STATE_NOTIFY", "platformmoid": platform, "mains": [], "backups": []}
    for state, epoch, number in (("abnormal", 3, 8), ("normal", 3, 7), ("normal", 2, 9)):
        fields = {"state": state, "epoch": epoch, "number": number, "serving": "b"}
        do(platform, delivery({**notice, **fields}, MONITOR))
    heard = Heard.objects.get(subject=platform)
    assert (heard.state, heard.epoch, heard.number) == ("abnormal", 3, 8)
    assert platforms.is_any_abnormal(platform)


def test_a_lost_room_is_told_with_all_its_user_domains(two_rooms: list[MachineRoom]) -> None:
    lost("u1", for_seconds=16)
    (notice,) = staged_bodies("SERVER_ROOM_STATE_NOTIFY")
    assert (notice["roommoid"], notice["state"]) == (two_rooms[0].moid, "abnormal")
    assert notice["userdomains"] == [DEMO_TENANT]
    assert notice["number"] == 1
    rooms.update_rooms(settings.PLATFORM_MOID)
    assert len(staged_bodies("SERVER_ROOM_STATE_NOTIFY")) == 1


def test_a_room_is_not_given_up_for_one_without_a_media_unit_that_lives(
    two_rooms: list[MachineRoom],
) -> None:
    ResourceUnit.objects.filter(pid="u2").update(online=False)
    lost("u1", for_seconds=16)
    assert staged_bodies("SERVER_ROOM_STATE_NOTIFY") == []
    assert not MachineRoom.objects.filter(abnormal=True).exists()


def test_a_lost_notice_of_a_room_is_told_again_until_it_is_heard(
    platform: str, two_rooms: list[MachineRoom]
) -> None:
    lost("u1", for_seconds=16)
    (notice,) = staged_bodies("SERVER_ROOM_STATE_NOTIFY")
    rooms.repeat_notices(platform)
    assert staged_bodies("SERVER_ROOM_STATE_NOTIFY") == [notice, notice]
    do(platform, delivery(notice, MONITOR))
    rooms.repeat_notices(platform)
    assert len(staged_bodies("SERVER_ROOM_STATE_NOTIFY")) == 2
    two_rooms[0].refresh_from_db()
    assert two_rooms[0].abnormal


def test_conferences_leave_an_abnormal_room_once(
    platform: str, two_rooms: list[MachineRoom]
) -> None:
    from conferences.rules.states import Unit

    conference_row(platform, unit=Unit("10.0.0.1", "u1", platform))
    rooms.set_mode(platform, two_rooms[0].moid, "on", "ann")
    (notice,) = staged_bodies("SERVER_ROOM_STATE_NOTIFY")
    do(platform, delivery(notice, MONITOR))
    do(platform, delivery(notice, MONITOR))
    assert MachineRoom.objects.get(pk=two_rooms[0].moid).abnormal
    assert Conference.objects.get().state == "pending"
    assert len(staged_bodies("GET_RES_REQ")) == 1
    rooms.set_mode(platform, two_rooms[0].moid, "off", "ann")
    do(platform, delivery(staged_bodies("SERVER_ROOM_STATE_NOTIFY")[-1], MONITOR))
    assert not MachineRoom.objects.get(pk=two_rooms[0].moid).abnormal


@pytest.mark.parametrize("named", [True, False])
def test_a_unit_of_an_abnormal_room_that_still_speaks_is_told_to_drop_what_is_bound_to_it(
    platform: str, two_rooms: list[MachineRoom], named: bool
) -> None:
    from conferences.rules.states import Unit

    room = two_rooms[0].moid
    UserDomain.objects.filter(pk=DEMO_TENANT).update(room_id=room if named else None)
    conference_row(platform, unit=Unit("10.0.0.1", "u1", platform))
    e164 = Conference.objects.get().e164
    rooms.set_mode(platform, room, "on", "ann")
    do(platform, delivery(staged_bodies("SERVER_ROOM_STATE_NOTIFY")[0], MONITOR))
    entry = {"confE164": e164, "incarnation": 1, "confname": "x", "mts": []}
    says = {"type": "CMU_MAU_CONFLIST_NTF", "ip": "10.0.0.1", "pid": "u1", "confs": [entry]}
    do(platform, delivery(says, Routes.UNIT_TO_CSS.value.queue, app_id="cmu@10.0.0.1"))
    assert [command["confE164"] for command in staged_bodies("MAU_MCU_RELEASECONF_CMD")][-1:] == [
        e164
    ]


def test_a_guest_of_another_room_leaves_and_is_not_taken_back(
    platform: str, two_rooms: list[MachineRoom]
) -> None:
    """Its user domain is bound to the second room, which is well."""
    from conferences.rules.states import Unit

    first, second = two_rooms
    UserDomain.objects.filter(pk=DEMO_TENANT).update(room_id=second.moid)
    conference_row(platform, unit=Unit("10.0.0.1", "u1", platform))
    e164 = Conference.objects.get().e164
    rooms.set_mode(platform, first.moid, "on", "ann")
    do(platform, delivery(staged_bodies("SERVER_ROOM_STATE_NOTIFY")[0], MONITOR))
    held = {"confE164": e164, "incarnation": 1, "confname": "x", "mts": []}
    says = {"type": "CMU_MAU_CONFLIST_NTF", "ip": "10.0.0.1", "pid": "u1", "confs": [held]}
    do(platform, delivery(says, Routes.UNIT_TO_CSS.value.queue, app_id="cmu@10.0.0.1"))
    assert Conference.objects.get().state == "pending"
    assert [one["confE164"] for one in staged_bodies("MAU_MCU_RELEASECONF_CMD")][-1:] == [e164]


def test_what_was_placed_in_a_room_while_its_notice_was_on_its_way_leaves_it_too(
    platform: str, two_rooms: list[MachineRoom]
) -> None:
    from conferences.rules.states import Unit

    MachineRoom.objects.filter(pk=two_rooms[0].moid).update(abnormal=True)
    rooms.move_off_abnormal_rooms(platform)
    conference_row(platform, unit=Unit("10.0.0.1", "u1", platform))
    rooms.move_off_abnormal_rooms(platform)
    rooms.move_off_abnormal_rooms(platform)
    assert Conference.objects.get().state == "pending"
    assert len(staged_bodies("GET_RES_REQ")) == 1


def test_a_room_that_only_a_foreign_pms_knows_is_left_by_the_user_domains_that_it_names(
    platform: str, two_rooms: list[MachineRoom]
) -> None:
    from conferences.rules.states import Unit

    conference_row(platform, unit=Unit("10.0.0.1", "u1", platform))
    notice = {"type": "SERVER_ROOM_STATE_NOTIFY", "platformmoid": platform, "state": "abnormal"}
    others = {**notice, "roommoid": "their-room", "userdomains": ["another"], "number": 1}
    do(platform, delivery(others, MONITOR))
    assert Conference.objects.get().state == "running"
    parts = {**notice, "roommoid": "room-2", "number": 1, "listid": "l", "parts": 2}
    do(platform, delivery({**parts, "part": 1, "userdomains": ["another"]}, MONITOR))
    do(platform, delivery({**parts, "part": 2, "userdomains": [DEMO_TENANT]}, MONITOR))
    assert Conference.objects.get().state == "pending"


def test_the_page_shows_rooms_and_drains_one_after_a_question(
    platform: str, two_rooms: list[MachineRoom]
) -> None:
    browser = Browser()
    browser.force_login(Account.objects.get(username="admin"))
    assert b"Room 2" in browser.get(reverse("failover-sites")).content
    wanted = {"action": "room-on", "thing": two_rooms[1].moid}
    asks = browser.post(reverse("failover-act"), wanted)
    assert b"conferences leave it" in asks.content
    assert not RoomWatch.objects.filter(abnormal=True).exists()
    browser.post(reverse("failover-act"), {**wanted, "confirmed": "1"})
    assert RoomWatch.objects.get(abnormal=True).room == two_rooms[1].moid
    assert b"abnormal" in browser.get(reverse("failover-live")).content


def test_the_page_is_for_operators_of_the_core(platform: str) -> None:
    browser = Browser()
    browser.force_login(Account.objects.get(username="anna"))
    for name in ("failover-sites", "failover-live", "failover-act"):
        assert browser.get(reverse(name)).status_code in (302, 403)
