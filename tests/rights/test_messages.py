"""Every message that we take and that names a domain, found by itself: whose domain may it name?

Who may publish is trusted (wire protocol), so there are no roles here; but a `moid` beside the number
of a conference has to be that conference's, be it of a domain above, below or beside.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from foundation.bus.message import Message
from foundation.bus.registry import HANDLERS, PASSED_ON, RESUMING
from tests.factories import NUMBER, book, conference, hear, memory_unit_of_work, monitor
from wire.error_codes import Err
from wire.routes import Routes

ASKED_FOR = {
    "CM_MAU_ADDBOOKCONF_REQ": "moid",
    "CM_MAU_CREATECONF_REQ": "moid",
    "CM_MAU_CREATETEMPLATE_REQ": "moid",
    "CM_MAU_GETCONFLIST_REQ": "moid",
}
"""The domain is what is asked for: a CM speaks for all of them."""

OF_A_CONFERENCE: dict[str, dict[str, Any]] = {
    "CM_MAU_RELEASECONF_REQ": {},
    "CM_MAU_DELAYCONF_REQ": {"delay": 5},
    "CM_MAU_STARTMONITOR_REQ": {"ip": "192.0.2.7", "port": 6000, "mode": 1},
    "CM_MAU_STOPMONITOR_REQ": {"ip": "192.0.2.7", "port": 6000},
    "CM_MAU_MDFBOOKCONF_REQ": {"bookid": "b1", "duration": 30},
    "CM_MAU_DELBOOKCONF_REQ": {"bookid": "b1"},
    "CM_MCU_MUTE_REQ": {"value": 1},
    "CM_MCU_ADDMT_REQ": {"mts": [{"account": "1"}]},
}
"""Refused where it is not the conference's."""

OF_A_TEMPLATE = {
    "CM_MAU_CREATECONFBYTEMP_REQ",
    "CM_MAU_MDFTEMPLATE_REQ",
    "CM_MAU_DELTEMPLATE_REQ",
}
"""Refused where it is not the template's; shown in `tests/unit/conferences/test_templates.py`."""

FROM_THE_CORE = {
    "BMC_CSS_LICENSE_NTF",
    "BMC_CSS_DOMAIN_NTF",
    "AMC_CSS_ACCOUNT_NTF",
    "AMC_CSS_ACCOUNT_CHANGE_NTF",
    "CSS_BMC_SYNC_REQ",
    "CSS_BMC_LICENSE_REQ",
    "BMC_CSS_RUNNING_REQ",
    "CSS_BMC_RUNNING_ACK",
}
"""What the core says of domains and what sites ask it; each comes by a broker with rights of its own."""

OF_PLATFORMS = {
    "RMS_NODE_REGISTER_NTF",
    "RMS_NODE_STATE_NTF",
    "GET_RES_REQ",
    "GET_RES_ACK",
    "MCU_MAU_CONFSTATECHANGE_NTF",
    "PLATFORM_STATE_NOTIFY",
    "PLATFORM_CONFIG_NOTIFY",
    "SERVER_ROOM_STATE_NOTIFY",
    "NGI_NPP_GETCONFLIST_REQ",
    "CSS_UPU_ADDCONF_NTF",
    "CSS_UPU_MDFCONF_NTF",
    "CSS_UPU_DELCONF_NTF",
    "GW_UPU_GETCONF_REQ",
}
"""They name a platform or a room, where a unit stands or a number belongs; a tenant is only named, not asked for."""

OTHERS = ["above", "below", "beside", "main", "U1", "u1 "]


def naming(kind: type[Message]) -> set[str]:
    """Return the fields of a message that name a domain."""
    return {name for name in kind.__struct_encode_fields__ if "moid" in name}


def test_somebody_has_decided_on_every_message_that_names_a_domain() -> None:
    decided = {*ASKED_FOR, *OF_A_CONFERENCE} | OF_A_TEMPLATE | FROM_THE_CORE | OF_PLATFORMS
    types = {kind.wire_type for kind in {*HANDLERS, *RESUMING} if naming(kind)}
    assert types > {*ASKED_FOR}, "the fields of a message are seen"
    undecided = types - decided
    assert undecided == set(), (
        "add each to OF_A_CONFERENCE in tests/rights/test_messages.py if its handler refuses the `moid` of"
        " another tenant (29020), else to the list above that says whose domain it may name"
    )
    assert {prefix for prefix, _ in PASSED_ON} <= {"CM_MCU_", "MCU_CM_"}


def answer_to(wire_type: str, **fields: Any) -> dict[str, Any] | None:
    """Return what a CM is answered that names a domain beside the conference of tenant `u1`."""
    unit_of_work = memory_unit_of_work(conference(monitors=(monitor(),)))
    book(unit_of_work, bookid="b1")
    number = {} if "BOOKCONF" in wire_type else {"confE164": NUMBER}
    body = {"type": wire_type, "reqid": "r", **number, **fields}
    queue = Routes.CM_TO_UNIT if wire_type.startswith("CM_MCU") else Routes.CM_TO_CSS
    hear(unit_of_work, body, queue)
    answers = [json.loads(one.body) for one in unit_of_work.outgoing]
    return next((one for one in answers if one["type"].endswith("ACK")), None)


@pytest.mark.parametrize("wire_type", OF_A_CONFERENCE)
@pytest.mark.parametrize("other", OTHERS)
def test_the_moid_has_to_be_the_conferences(wire_type: str, other: str) -> None:
    answer = answer_to(wire_type, **OF_A_CONFERENCE[wire_type], moid=other)
    assert answer is not None
    assert answer["type"].endswith("_NACK")
    assert answer["errcode"] == Err.NOT_PERMITTED.value


@pytest.mark.parametrize("wire_type", OF_A_CONFERENCE)
def test_with_its_own_moid_it_is_done(wire_type: str) -> None:
    answer = answer_to(wire_type, **OF_A_CONFERENCE[wire_type], moid="u1")
    assert answer is None or answer["type"].endswith("_ACK")
