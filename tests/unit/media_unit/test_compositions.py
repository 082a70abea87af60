"""A unit composes pictures only where its operator says so, and only of conferences for which it was reserved."""

from __future__ import annotations

from typing import Any

import pytest

from foundation.bus.message import from_body, to_body
from media_unit import reports
from media_unit.conference_copy import ForwardedPicture, HostedConference, conference_of
from media_unit.gate_rules import STREAMING, Refused
from tests.unit.media_unit.configs import unit_config
from tests.unit.media_unit.test_gate_rules import ask, visitor
from wire.arrangement import arrangement_of
from wire.media_unit import CreateOnUnit

ME, OTHER = {"ip": "127.0.0.1", "pid": "u1"}, {"ip": "127.0.0.1", "pid": "u2"}


def held(mps: object, compositions: str = "2", **fields: object) -> HostedConference:
    """Return the conference of a create request with this composer, on the unit u1."""
    body = {"confE164": "1", "confid": "c", "incarnation": 1, "confname": "x", "maxjoinedmt": 8}
    config = unit_config(CMU_PID="u1", CMU_CAPACITY_COMPOSITIONS=compositions)
    return conference_of(from_body(CreateOnUnit, {**body, "mps": mps, **fields}), "1-1-abc", config)


@pytest.mark.parametrize(
    ("mps", "compositions", "composes"),
    [(ME, "2", True), (None, "2", False), (OTHER, "2", False), (ME, "0", False)],
)
def test_it_composes_what_it_was_reserved_for(mps: Any, compositions: str, composes: bool) -> None:
    assert held(mps, compositions).composes is composes


def test_it_is_registered_as_composer_with_what_it_composes() -> None:
    conferences = [held(ME), held(None)]
    plain, composer = unit_config(), unit_config(CMU_CAPACITY_COMPOSITIONS="2")
    for messages in (reports.registrations(plain, []), reports.heartbeats(plain, [], 5)):
        assert [to_body(message)["restype"] for message in messages] == ["mcu", "vrs"]
    for messages in (
        reports.registrations(composer, conferences),
        reports.heartbeats(composer, conferences, 5),
    ):
        body = to_body(messages[-1])
        assert (body["restype"], body["capacity"]["confs"], body["load"]["confs"]) == ("mps", 2, 1)
    kinds = [to_body(message)["restype"] for message in reports.unregistrations(composer)]
    assert kinds == ["mcu", "vrs", "mps"]


def test_what_is_forwarded_outlasts_the_agent() -> None:
    conference = held(ME)
    conference.composed_port, conference.composed_sound = 24200, 5
    conference.pictures.append(ForwardedPicture("anna", 7, 9))
    again = HostedConference.from_stored(conference.to_stored())
    assert (again.composes, again.composed_port, again.composed_sound) == (True, 24200, 5)
    assert again.pictures == conference.pictures
    new = ("composes", "composed_port", "composed_sound", "pictures")
    older = {key: value for key, value in conference.to_stored().items() if key not in new}
    assert HostedConference.from_stored(older).pictures == []


def test_it_reports_whether_it_composes_or_why_not() -> None:
    conference = held(ME, settings={"mute": 0, "silence": 0, "composed": 20901})
    reported = [arrangement_of(conference.state["settings"]).composed]
    for port, error in ((24200, 0), (24200, 20902)):
        conference.composed_port, conference.composition_error = port, error
        reported.append(arrangement_of(conference.state["settings"]).composed)
    assert reported == [0, 1, 20902]


def test_the_gate_lets_people_watch_the_stream_of_their_own_conference() -> None:
    guest = visitor(STREAMING)
    ask(guest, {"request": "watch", "id": "1-1-abc", "pin": "x"})
    ask(guest, {"request": "start"})
    for body in (
        {"request": "watch", "id": "2-1-abc"},
        {"request": "watch"},
        {"request": "watch", "id": "1-1-abc", "secret": "x"},
        {"request": "destroy", "id": "1-1-abc"},
        {"request": "create", "type": "rtp"},
        {"request": "info", "id": "1-1-abc"},
    ):
        with pytest.raises(Refused):
            ask(guest, body)
