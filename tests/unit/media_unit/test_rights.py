"""Rights that are kept for chairs and co-chairs, as the media unit decides about them."""

from __future__ import annotations

import pytest

from media_unit.conference_copy import HostedConference
from media_unit.gate_rules import AUDIO
from media_unit.roster import JanusConnection
from tests.unit.media_unit.conferences import hosted_conference
from wire.arrangement import arrangement_of

ANNA, BEN, CARL, TELEPHONE = "1", "2", "3", "4"
VISITORS = {ANNA: "a" * 16, BEN: "b" * 16, CARL: "c" * 16}
ALL = {ANNA, BEN, CARL, TELEPHONE}


@pytest.mark.parametrize(
    ("kept", "maytalk", "talking", "sharing"),
    [
        ((), (), ALL, ALL),
        (("share",), (), ALL, {ANNA, BEN}),
        (("unmute",), (), {ANNA, BEN}, ALL),
        (("unmute", "share"), (CARL,), {ANNA, BEN, CARL}, {ANNA, BEN}),
    ],
)
def test_chair_and_co_chairs_have_the_rights_that_are_kept(
    kept: tuple[str, ...], maytalk: tuple[str, ...], talking: set[str], sharing: set[str]
) -> None:
    conference = hosted_conference(chairman=ANNA)
    pages = [JanusConnection(AUDIO, who + "1" * 8, mtid) for mtid, who in VISITORS.items()]
    conference.update_people([*pages, JanusConnection(AUDIO, "t", "Telephone")])
    conference.arrange(
        chair=VISITORS[ANNA], cochairs=(VISITORS[BEN],), chairsonly=kept, maytalk=maytalk
    )
    everybody = conference.roster.terminals
    assert {mtid for mtid in everybody if conference.may_talk(mtid)} == talking
    assert {mtid for mtid in everybody if conference.has_right("share", mtid)} == sharing


@pytest.mark.parametrize(
    ("chairman", "chair", "may"),
    [
        (TELEPHONE, "", {TELEPHONE}),
        (TELEPHONE, VISITORS[ANNA], {TELEPHONE}),
        (CARL, "", {CARL}),
        (CARL, VISITORS[ANNA], set()),
    ],
)
def test_the_chairmans_terminal_has_them_unless_a_page_has_only_typed_the_chairs_name(
    chairman: str, chair: str, may: set[str]
) -> None:
    conference = hosted_conference(chairman=chairman)
    pages = [JanusConnection(AUDIO, who + "1" * 8, mtid) for mtid, who in VISITORS.items()]
    conference.update_people([*pages, JanusConnection(AUDIO, "t", "Telephone")])
    conference.arrange(chair=chair, chairsonly=("unmute",))
    assert {mtid for mtid in conference.roster.terminals if conference.may_talk(mtid)} == may


def test_rights_that_are_kept_outlast_the_agent_and_the_unit() -> None:
    conference = hosted_conference()
    conference.arrange(chairsonly=("chat", "share"))
    restarted = HostedConference.from_stored(conference.to_stored()).arrangement
    on_next_unit = arrangement_of(conference.state["settings"])
    assert restarted.chairsonly == on_next_unit.chairsonly == ("chat", "share")
