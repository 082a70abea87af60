"""Single rules: extension, units that are slow, wishes that are overtaken, who is told."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conferences.rules.create import (
    MAX_UNITS_TRIED,
    Tenant,
    decide_create_resources,
    decide_next_unit,
    latest_warning_due,
    refuse_before_licence,
)
from conferences.rules.decision import Decision
from conferences.rules.end import decide_end
from conferences.rules.extend import decide_extend, prolong, why_not_extended
from conferences.rules.move import decide_move
from conferences.rules.open_rename import Rename
from conferences.rules.restore import decide_lost, decide_restore_failed
from conferences.rules.states import Conference, ConferenceState, EndReason
from tests.factories import NOW, NUMBER, OTHER, UNIT, conference, seconds
from wire.conference_manager import CreateConference, ExtendConference
from wire.error_codes import Err
from wire.fields import UnitName
from wire.media_unit import DropOnUnit, UnitRenameRefused
from wire.resource_pool import ResourcesGranted, ResourcesRefused

_S = ConferenceState


def sent_types(step: Decision) -> list[str]:
    return [outgoing.message.type for outgoing in step.send]


# ---- extension ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "delay", "code"),
    [
        ({}, 1, None),
        ({}, 1440, None),
        ({}, 0, Err.DURATION),
        ({}, -5, Err.DURATION),
        ({}, 1441, Err.DURATION),
        ({"ends_at": None}, 5, Err.DURATION),
        ({"duration": 10080 - 5}, 5, None),
        ({"duration": 10080 - 5}, 6, Err.DURATION),
    ],
)
def test_how_much_may_be_added(changes: dict[str, Any], delay: int, code: Err | None) -> None:
    assert why_not_extended(conference(**changes), delay) == code


def test_what_is_being_created_is_not_extended() -> None:
    assert why_not_extended(conference(_S.CREATING), 5) is Err.WRONG_STATE
    assert why_not_extended(None, 5) is Err.NO_CONFERENCE


def test_both_sides_are_told_the_new_end() -> None:
    request = ExtendConference(reqid="r", e164=NUMBER, delay=5)
    step = decide_extend(conference(), request, "key", NOW)
    expected = ["CM_MAU_DELAYCONF_ACK", "CM_MAU_CONFDURATION_NTF", "MAU_CMU_CONFDURATION_NTF"]
    assert sent_types(step) == expected
    assert step.after
    assert step.after.ends_at == NOW + seconds(3600 + 300)


@given(st.integers(1, 3000), st.integers(1, 1440))
def test_warnings_that_are_due_again_come_again(left: int, delay: int) -> None:
    c = conference(ends_at=NOW + seconds(left), warned=latest_warning_due(left))
    after = prolong(c, delay, NOW)
    assert after.warned == latest_warning_due(left + delay * 60)


# ---- units that do not take it ------------------------------------------------------------------


def test_the_last_unit_has_no_longer_than_the_asker() -> None:
    c = conference(_S.CREATING, unit=None, give_up_at=NOW + seconds(2), answer_by=NOW + seconds(1))
    placed = decide_create_resources(
        c, ResourcesGranted(mcu=UNIT.as_message_field), 2, "main", NOW
    ).after
    assert placed
    assert placed.answer_by == NOW + seconds(2)


def test_a_slow_unit_is_told_to_drop_it_and_the_next_one_gets_a_higher_incarnation() -> None:
    c = conference(_S.CREATING)
    step = decide_next_unit(c, Err.UNIT_SILENT, NOW)
    assert [o.message for o in step.send if isinstance(o.message, DropOnUnit)] == [
        DropOnUnit(e164=NUMBER, incarnation=3)
    ]
    assert step.after
    placed = decide_create_resources(
        step.after, ResourcesGranted(mcu=OTHER.as_message_field), step.after.question, "main", NOW
    ).after
    assert placed
    assert (placed.unit, placed.incarnation, placed.tried) == (OTHER, 4, (UNIT, OTHER))


def test_three_units_are_tried_and_the_last_ones_code_is_told() -> None:
    c = conference(_S.CREATING, tried=(OTHER, OTHER, UNIT))
    step = decide_next_unit(c, Err.UNIT_REFUSED, NOW)
    assert step.after
    assert (step.after.state, step.after.end_code) == (_S.ENDED, Err.UNIT_REFUSED)


@pytest.mark.parametrize(
    ("reply", "last", "code"),
    [
        (ResourcesGranted(), "", Err.NO_RESOURCE),
        (ResourcesGranted(mcu=UnitName()), "", Err.NO_RESOURCE),
        (ResourcesGranted(), Err.UNIT_SILENT, Err.UNIT_SILENT),
        (ResourcesRefused(errcode="29501"), "", Err.RMS_ERROR),
    ],
)
def test_why_no_unit_was_found(reply: Any, last: str, code: Err) -> None:
    c = conference(_S.CREATING, unit=None, last_code=last)
    after = decide_create_resources(c, reply, 2, "main", NOW).after
    assert after
    assert after.end_code == code


def test_a_unit_that_did_not_restore_it_is_forgotten_and_avoided() -> None:
    step = decide_restore_failed(conference(_S.RESTORING), Err.UNIT_SILENT, NOW)
    assert step.after
    assert (step.after.unit, step.after.tried) == (None, (UNIT,))
    assert "MAU_MCU_RELEASECONF_CMD" in sent_types(step)


def test_after_three_units_it_waits_for_the_next_round_and_avoids_nobody() -> None:
    tried = (OTHER, OTHER, UNIT)[-MAX_UNITS_TRIED:]
    after = decide_restore_failed(conference(_S.RESTORING, tried=tried), "29015", NOW).after
    assert after
    assert (after.answer_by, after.restore_at, after.tried) == (None, NOW + seconds(10), ())


# ---- whoever wished has an answer ---------------------------------------------------------------


def _wishing() -> Conference:
    return conference(rename=Rename("ask", "new", "key", "r", NOW + seconds(5)))


@pytest.mark.parametrize(
    "decide",
    [
        lambda c: decide_end(c, EndReason.RELEASED, NOW),
        lambda c: decide_lost(c, UNIT, NOW),
        lambda c: decide_move(c, NOW),
    ],
    ids=["end", "loss", "move"],
)
def test_a_wish_for_a_name_is_refused_when_the_conference_leaves(decide: Any) -> None:
    step = decide(_wishing())
    refusals = [o.message for o in step.send if isinstance(o.message, UnitRenameRefused)]
    assert [r.reqid for r in refusals] == ["r"]
    assert step.after.rename is None


def test_an_end_before_it_ran_refuses_the_asker() -> None:
    step = decide_end(conference(_S.CREATING), EndReason.RELEASED, NOW)
    assert sent_types(step)[0] == "MAU_CM_CREATECONF_NACK"
    assert "CSS_BMC_CDR_NTF" not in sent_types(step), "it never ran, so there is no call record"


# ---- before there is anything -------------------------------------------------------------------

TENANT = Tenant("u1", "main", True)
CREATE = CreateConference(user_domain="u1", name="talk")


@pytest.mark.parametrize(
    ("changes", "tenant", "code"),
    [
        ({}, TENANT, None),
        ({}, None, Err.UNKNOWN_DOMAIN),
        ({}, replace(TENANT, platform="elsewhere"), Err.NOT_SERVED),
        ({}, replace(TENANT, enabled=False), Err.DOMAIN_DISABLED),
        ({"resolution": "1080p"}, replace(TENANT, hd=False), Err.NO_HD),
        ({"h265": True}, replace(TENANT, h265=False), Err.NO_H265),
        ({"duration": 10081}, TENANT, Err.DURATION),
        ({"duration": -1}, TENANT, Err.DURATION),
        ({"duration": 0}, TENANT, None),
    ],
)
def test_why_a_request_cannot_be_had(changes: Any, tenant: Tenant | None, code: Err | None) -> None:
    refused = refuse_before_licence(
        msgspec.structs.replace(CREATE, **changes), tenant, frozenset({"main"})
    )
    assert (refused[0] if refused else None) == code


@pytest.mark.parametrize(
    ("left", "level"),
    [(601, 0), (600, 10), (301, 10), (300, 5), (60, 1), (0, 1), (timedelta.max.total_seconds(), 0)],
)
def test_the_warning_that_is_over(left: float, level: int) -> None:
    assert latest_warning_due(left) == level
