"""Who is listened to has a group of the mixer to himself, as long as there is one."""

from __future__ import annotations

from typing import Any

import pytest

from foundation.bus.message import from_body
from media_unit.conference_copy import HostedConference, RunningMonitor, conference_of
from media_unit.config import BadConfig
from media_unit.gate_link import GateLink
from media_unit.gate_rules import AUDIO, EVERYBODY, LISTENED_TO, VIDEO
from media_unit.janus_config import Secrets
from media_unit.monitors import MonitorRefused, Monitors
from tests.unit.media_unit.configs import unit_config
from tests.unit.media_unit.test_gate_rules import TOKEN, visitor
from wire.media_unit import CreateOnUnit


def monitors(networks: str = "192.0.2.0/24") -> Monitors:
    config = unit_config(MONITOR_NETWORKS=networks)
    gate = GateLink(config, Secrets("a", "b", "c", "d", "e"))
    return Monitors(config, gate, lambda message, mark: None)


def held(*listened_to: str) -> HostedConference:
    """Return a conference with a monitor for each of these participants."""
    body = {"confE164": "1", "confid": "c", "incarnation": 1, "confname": "x", "maxjoinedmt": 8}
    conference = conference_of(from_body(CreateOnUnit, body), "1-1-abc", unit_config())
    for port, participant in enumerate(listened_to, 6000):
        group = monitors()._group_for(conference, participant)
        usual: dict[str, Any] = {"ip": "192.0.2.7", "port": port, "mtid": participant, "mode": 1}
        conference.monitors.append(RunningMonitor(**usual, participant=participant, group=group))
    return conference


def test_each_who_is_listened_to_has_a_group_and_two_monitors_share_it() -> None:
    conference = held("anna", "ben", "anna")
    first, second, third = (monitor.group for monitor in conference.monitors)
    assert first == third != second
    assert {first, second} <= {*LISTENED_TO}


def test_more_than_four_are_refused_by_name() -> None:
    conference = held(*"abcd")
    assert {monitor.group for monitor in conference.monitors} == {*LISTENED_TO}
    with pytest.raises(MonitorRefused, match="at most 4"):
        monitors()._group_for(conference, "e")


@pytest.mark.parametrize("ip", ["198.51.100.7", "127.0.0.1", "::1", "localhost", ""])
def test_nothing_is_sent_where_the_operator_has_not_allowed_it(ip: str) -> None:
    with pytest.raises(MonitorRefused, match="ip: "):
        monitors()._refuse_address(ip)
    monitors()._refuse_address("192.0.2.7")
    with pytest.raises(MonitorRefused, match="MONITOR_NETWORKS"):
        monitors("")._refuse_address("192.0.2.7")


def test_networks_that_are_none_are_refused_at_the_start() -> None:
    with pytest.raises(BadConfig, match="MONITOR_NETWORKS"):
        monitors("192.0.2.7/24")


def test_monitors_outlast_the_agent() -> None:
    conference = held("anna")
    assert HostedConference.from_stored(conference.to_stored()).monitors == conference.monitors
    older = {k: v for k, v in conference.to_stored().items() if k != "monitors"}
    assert HostedConference.from_stored(older).monitors == []


# ---- the gate -------------------------------------------------------------------------------------


def test_the_gate_puts_who_enters_the_mixer_into_the_group_of_all() -> None:
    guest = visitor()
    join = {"janus": "message", "transaction": "j", "token": TOKEN, "session_id": 5, "handle_id": 7}
    body = {"request": "join", "room": "1-1-abc", "id": "anna"}
    guest.check(join | {"body": body})
    assert guest.message_for_janus(join | {"body": body})["body"] == body | {"group": EVERYBODY}
    guest.remember_ids({"janus": "ack", "transaction": "j"})
    assert guest.handle_of("anna") is None
    joined = {"plugin": AUDIO, "data": {"audiobridge": "joined", "id": "anna"}}
    guest.remember_ids({"janus": "event", "transaction": "j", "plugindata": joined})
    assert (guest.handle_of("anna"), guest.is_waiting) == (7, False)
    guest.check({**join, "janus": "detach", "transaction": "d"})
    assert guest.handle_of("anna") is None


def test_nobody_chooses_a_group_and_pictures_have_none() -> None:
    guest = visitor(VIDEO)
    message = {"janus": "message", "transaction": "j", "handle_id": 7, "body": {"request": "join"}}
    assert guest.message_for_janus(message) is message
    configure = {**message, "body": {"request": "configure", "muted": True}}
    assert visitor().message_for_janus(configure) is configure
