"""Every state x every event, through the real flows: what it becomes, and that twice is once."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from conferences import admin
from conferences.pages import dashboard, texts
from conferences.rules.states import TRANSITIONS, Conference, ConferenceState, InvalidTransition
from foundation.bus.typed_json import to_json
from tests.factories import NOW, NUMBER, OTHER, UNIT, conference, hear, memory_unit_of_work, seconds
from wire.routes import Routes

_S = ConferenceState
STATES = tuple(ConferenceState)
C, R, P, X, E = STATES[0], _S.RUNNING, _S.PENDING_RESTORE, _S.RESTORING, _S.ENDED
ME = to_json(UNIT.as_message_field)
SOMEBODY_ELSE = to_json(OTHER.as_message_field)
HERE = {"confE164": NUMBER, "incarnation": 3}
LATER = (NOW + seconds(1)).isoformat()

UNIT_SAYS, CM_SAYS, RMS_SAYS = Routes.UNIT_TO_CSS, Routes.CM_TO_CSS, Routes.RMS_TO_CSS


def _list_entry(**entry: Any) -> dict[str, Any]:
    return {"type": "CMU_MAU_CONFLIST_NTF", **ME, "at": LATER, "confs": [{**HERE, **entry}]}


EMPTY = {"type": "CMU_MAU_CONFLIST_NTF", **ME, "at": LATER, "confs": []}
FOUND = {"type": "GET_RES_ACK", "mcu": SOMEBODY_ELSE}

EVENTS: dict[str, tuple[dict[str, Any], Routes, dict[str, Any]]] = {
    "unit created it": ({"type": "MCU_MAU_CREATECONF_ACK", **HERE, **ME}, UNIT_SAYS, {}),
    "unit restored it": ({"type": "CMU_MAU_RESTORECONF_ACK", **HERE, **ME}, UNIT_SAYS, {}),
    "unit refuses": ({"type": "MCU_MAU_CREATECONF_NACK", **HERE, **ME}, UNIT_SAYS, {}),
    "older unit created it": (
        {"type": "MCU_MAU_CREATECONF_ACK", **HERE, "incarnation": 2, **ME},
        UNIT_SAYS,
        {},
    ),
    "another unit created it": (
        {"type": "MCU_MAU_CREATECONF_ACK", **HERE, **SOMEBODY_ELSE},
        UNIT_SAYS,
        {},
    ),
    "unit ended it": ({"type": "MCU_MAU_RELEASECONF_NTF", **HERE, **ME}, UNIT_SAYS, {}),
    "unit holds it": (_list_entry(), UNIT_SAYS, {}),
    "unit holds an older one": (_list_entry(incarnation=2), UNIT_SAYS, {}),
    "unit holds nothing": (EMPTY, UNIT_SAYS, {}),
    "unit is lost": ({"type": "RMS_CSS_NODELOST_NTF", "restype": "mcu", **ME}, UNIT_SAYS, {}),
    "another unit is lost": (
        {"type": "RMS_CSS_NODELOST_NTF", "restype": "mcu", **SOMEBODY_ELSE},
        UNIT_SAYS,
        {},
    ),
    "RMS found one to restore on": (
        FOUND,
        RMS_SAYS,
        {"correlation_id": f"restore:{NUMBER}:main:2"},
    ),
    "RMS found none to restore on": (
        {"type": "GET_RES_ACK"},
        RMS_SAYS,
        {"correlation_id": f"restore:{NUMBER}:main:2"},
    ),
    "RMS answers an older question": (
        FOUND,
        RMS_SAYS,
        {"correlation_id": f"restore:{NUMBER}:main:1"},
    ),
    "RMS found one to create on, late": (
        FOUND,
        RMS_SAYS,
        {"correlation_id": f"create:{NUMBER}:main:2"},
    ),
    "CM releases": (
        {"type": "CM_MAU_RELEASECONF_REQ", "reqid": "r1", "confE164": NUMBER},
        CM_SAYS,
        {},
    ),
    "a stranger releases": (
        {"type": "CM_MAU_RELEASECONF_REQ", "reqid": "r1", "confE164": NUMBER, "moid": "u2"},
        CM_SAYS,
        {},
    ),
    "CM extends": (
        {"type": "CM_MAU_DELAYCONF_REQ", "reqid": "r1", "confE164": NUMBER, "delay": 5},
        CM_SAYS,
        {},
    ),
    "unit wishes a name": (
        {"type": "MCU_MAU_MODIFYCONFNAME_REQ", "reqid": "r1", **HERE, "confname": "new", **ME},
        UNIT_SAYS,
        {},
    ),
    "unit reports a name": (
        {"type": "MCU_MAU_CONFSTATECHANGE_NTF", **HERE, "confname": "new", **ME},
        UNIT_SAYS,
        {},
    ),
    "CM controls": (
        {"type": "CM_MCU_MUTE_REQ", "reqid": "r1", "confE164": NUMBER},
        Routes.CM_TO_UNIT,
        {},
    ),
}

BECOMES: dict[str, tuple[ConferenceState, ...]] = {
    # event: what CREATING, RUNNING, PENDING_RESTORE, RESTORING and ENDED become
    "unit created it": (R, R, P, R, E),
    "unit restored it": (R, R, P, R, E),
    "unit refuses": (C, R, P, P, E),
    "older unit created it": (C, R, P, X, E),
    "another unit created it": (C, R, P, X, E),
    "unit ended it": (C, E, P, X, E),
    "unit holds it": (C, R, R, X, E),
    "unit holds an older one": (C, R, P, X, E),
    "unit holds nothing": (C, P, P, X, E),
    "unit is lost": (C, P, P, P, E),
    "another unit is lost": (C, R, P, X, E),
    "RMS found one to restore on": (C, R, X, X, E),
    "RMS found none to restore on": (C, R, P, X, E),
    "RMS answers an older question": (C, R, P, X, E),
    "RMS found one to create on, late": (C, R, P, X, E),
    "CM releases": (E, E, E, E, E),
    "a stranger releases": (C, R, P, X, E),
    "CM extends": (C, R, P, X, E),
    "unit wishes a name": (C, R, P, X, E),
    "unit reports a name": (C, R, P, X, E),
    "CM controls": (C, R, P, X, E),
}
CASES = [
    (event, before, after)
    for event, row in BECOMES.items()
    for before, after in zip(STATES, row, strict=True)
]


def _value(c: Conference) -> Conference:
    return msgspec.structs.replace(c, revision=0)


@pytest.mark.parametrize(
    ("event", "before", "after"), CASES, ids=[f"{b}: {e}" for e, b, _ in CASES]
)
def test_state_and_event(event: str, before: ConferenceState, after: ConferenceState) -> None:
    unit_of_work = memory_unit_of_work(conference(before))
    body, queue, more = EVENTS[event]
    hear(unit_of_work, body, queue, **more)
    result = unit_of_work.conferences["c1"]
    assert result.state is after
    assert after is before or after in TRANSITIONS[before]
    assert not unit_of_work.parked
    answers = [a.answer for a in unit_of_work.inbox.values()]

    hear(unit_of_work, body, queue, **more)
    assert _value(unit_of_work.conferences["c1"]) == _value(result), (
        "the same message again changes nothing"
    )
    assert [a.answer for a in unit_of_work.inbox.values()] == answers, (
        "and its answer stays the same"
    )


def test_every_event_has_its_row() -> None:
    assert EVENTS.keys() == BECOMES.keys()


@pytest.mark.parametrize("before", STATES)
@pytest.mark.parametrize("after", STATES)
def test_a_move_that_the_table_does_not_know_is_a_bug(
    before: ConferenceState, after: ConferenceState
) -> None:
    c = conference(before)
    if after in TRANSITIONS[before]:
        assert c._enter(after).state is after
    else:
        with pytest.raises(InvalidTransition):
            c._enter(after)


def test_ended_is_final() -> None:
    assert TRANSITIONS[E] == frozenset()


@pytest.mark.parametrize("state", STATES)
def test_a_silent_unit_speaks_for_the_assigned_one_and_for_no_other(state: ConferenceState) -> None:
    c = conference(state)
    assert c.is_on(None)
    assert c.is_on(UNIT)
    assert not c.is_on(OTHER)
    assert not msgspec.structs.replace(c, unit=None).is_on(None)
    assert not msgspec.structs.replace(c, unit=None).is_on(UNIT)


@pytest.mark.parametrize("state", STATES)
def test_every_state_has_words_for_people_and_a_colour_for_operators(
    state: ConferenceState,
) -> None:
    assert texts.state_text(conference(state))
    assert admin.COLOURS[state]
    assert state is E or dashboard._STATE_NAMES[state]
