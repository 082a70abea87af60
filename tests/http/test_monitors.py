"""Monitors over HTTP (HTTP API §2.3): started, shown, kept alive, stopped, and every refusal with its number."""

from __future__ import annotations

from typing import Any

import pytest

from deploy.stand.site import Site
from tests.http.listening import LongPolling
from tests.http.program import Program
from tests.stories.facts import until
from tests.wire.world import turn_clock

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("stories")]

AT = {"ip": "192.0.2.7", "port": 6000}
TERMINAL = {"account": "7001", "account_type": 5, "bitrate": 1024, "protocol": 1}
SOUND: dict[str, Any] = {"mode": 1, "src": {"type": 1, "mt_id": "m1", "mt_chn_idx": 1}, "dst": AT}


@pytest.fixture
def number(program: Program) -> str:
    """Return a conference in which one terminal, m1, is online."""
    conf_id: str = program.create()["conf_id"]
    path = f"vc/confs/{conf_id}/mts"
    program.post(path, {"mts": [TERMINAL]})

    def here() -> bool:
        return any((m["mt_id"], m["online"]) == ("m1", 1) for m in program.get(path)["mts"])

    until(here, 20, "the terminal is online")
    return conf_id


def test_a_monitor_is_started_shown_kept_alive_and_stopped(
    simulated: Site, program: Program, number: str
) -> None:
    path = f"vc/confs/{number}/monitors"
    mix = {"mode": 1, "src": {"type": 3}, "dst": {**AT, "port": 6001}}
    with LongPolling(simulated.http, program.cookie) as listener:
        listener.handshake()
        listener.subscribe("/confs/**")
        assert program.post(path, SOUND)["success"] == 1
        listener.hears(f"/confs/{number}/monitor/192.0.2.7/6000", "update")
    assert program.post(path, SOUND)["success"] == 1, "the same monitor is there already"
    assert program.post(path, mix)["success"] == 1
    listed = program.get(path)["monitors"]
    assert {(m["src"]["type"], m["dst"]["port"]) for m in listed} == {(1, 6000), (3, 6001)}
    shown = program.get(f"{path}/192.0.2.7/6000")
    assert (shown["mode"], shown["src"]["mt_id"], shown["dst"]) == (1, "m1", AT)
    assert {"ip", "port"} <= shown["src"]["rtcp"].keys()
    assert program.post(f"{path}_heartbeat", {"monitors": [AT]})["success"] == 1
    assert program.delete(f"{path}/192.0.2.7/6000")["success"] == 1
    assert program.delete(f"{path}/192.0.2.7/6000")["error_code"] == 12105
    beat = program.post(f"{path}_heartbeat", {"monitors": [AT, mix["dst"]]})
    assert (beat["error_code"], "6000" in beat["description"]) == (12105, True)
    assert "6001" not in beat["description"]


def test_a_monitor_ends_30_seconds_after_its_last_heartbeat(
    simulated: Site, program: Program, number: str
) -> None:
    path = f"vc/confs/{number}/monitors"
    assert program.post(path, SOUND)["success"] == 1
    turn_clock(simulated, number, "monitors[0].due_at", -1)
    until(lambda: program.get(path)["monitors"] == [], 20, "the monitor is over")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"src": {"type": 1, "mt_id": "99"}}, 12104),
        ({"src": {"type": 2}}, 20823),
        ({"src": {"type": 4}}, 20513),
        ({"mode": 0, "src": {"type": 3}}, 20501),
        ({"mode": 2}, 29001),
        ({"dst": {**AT, "ip": "somewhere"}}, 29001),
        ({"dst": {**AT, "port": 70000}}, 29001),
        ({"dst": "192.0.2.7"}, 29001),
        ({"dst": {**AT, "ip": "127.0.0.1"}}, 19008),
    ],
    ids=str,
)
def test_what_cannot_be_monitored_is_refused(
    program: Program, number: str, change: dict[str, Any], code: int
) -> None:
    answer = program.post(f"vc/confs/{number}/monitors", SOUND | change)
    assert answer["error_code"] == code, answer


def test_a_key_frame_is_for_pictures_that_are_sent(program: Program, number: str) -> None:
    path = f"vc/confs/{number}/neediframe/monitors"
    assert program.post(path, {"dst": AT})["error_code"] == 12105
    program.post(f"vc/confs/{number}/monitors", SOUND)
    assert program.post(path, {"dst": AT})["error_code"] == 20501
    picture = {"mode": 0, "src": SOUND["src"], "dst": {**AT, "port": 6002}}
    program.post(f"vc/confs/{number}/monitors", picture)
    assert program.post(path, {"dst": picture["dst"]})["success"] == 1
