"""A licence is loaded, or refused with its own words: by command, by BMC."""

from __future__ import annotations

import os

import pytest
from django.core.management import CommandError

from foundation.bus.models import Parked
from licensing.data.queries import state_of
from licensing.flows.load import preview_licence
from licensing.flows.revoke import revoke_licence
from licensing.models import Licence
from licensing.rules.decisions import Standing
from licensing.rules.licence_text import generate_keys, write_key
from tests import licences
from tests.integration.conftest import do
from tests.licensing.conftest import Import, from_bmc, in_days, sent_messages, text

pytestmark = pytest.mark.xdist_group("licensing")


def test_a_fresh_platform_has_the_evaluation_licence_and_is_marked(east: str) -> None:
    state = state_of()
    assert state.licence is not None
    assert state.licence.evaluation
    assert (state.standing, state.days_left) == (Standing.VALID, None)
    assert (state.licence.amounts.small_conferences, state.licence.amounts.large_conferences) == (
        8,
        2,
    )


def test_a_real_licence_replaces_the_evaluation_licence_for_ever(east: str, bring: Import) -> None:
    assert bring(text(east)).startswith("loaded: issue 1")
    assert revoke_licence(east, east, 1)
    state = state_of()
    assert state.licence is not None
    assert not state.licence.evaluation
    assert state.standing is Standing.REVOKED


def test_the_same_licence_again_changes_nothing(east: str, bring: Import) -> None:
    page_text = text(east)
    bring(page_text)
    assert bring(page_text).startswith("was loaded already")
    assert bring(text(east)).startswith("was loaded already")  # the same, sealed anew
    assert Licence.objects.filter(evaluation=False).count() == 1


def test_a_newer_issue_counts_from_its_loading_on(east: str, bring: Import) -> None:
    bring(text(east, 1))
    bring(text(east, 4, small=77))
    state = state_of()
    assert state.licence is not None
    assert (state.licence.issue, state.licence.amounts.small_conferences) == (4, 77)


def test_each_refusal_has_its_own_message(east: str, bring: Import) -> None:
    bring(text(east, 5))
    good, (signing, _, sealing) = text(east, 6), generate_keys()
    sealing_key, secret = os.environ["LICENSE_SEALING_KEY"], os.environ["LICENSE_SIGNING_KEY"]
    licence = licences.licence(east, 6, 1, 1)
    cases = {
        "not a licence": "something else",
        "its end is missing": good[:40],
        "version 9 of licences": "CPL9." + good[5:],
        "altered": good[:60] + ("A" if good[60] != "A" else "B") + good[61:],
        "signed with another key": licences.sealed(licence, write_key(signing), sealing_key),
        "LICENSE_SEALING_KEY": licences.sealed(licence, secret, write_key(sealing)),
        "issued for platform somewhere-else": text("somewhere-else", 6),
        "issue 4 is older than issue 5": text(east, 4),
        "other content": text(east, 5, small=31),
        "not yet valid: it begins": text(east, 6, valid_from=in_days(1)),
        "expired: it ended": text(east, 6, valid_to=in_days(-1)),
    }
    for words, offered in cases.items():
        with pytest.raises(CommandError, match=words):
            bring(offered)
    assert revoke_licence(east, east, 5)
    with pytest.raises(CommandError, match="issue 5 was revoked"):
        bring(text(east, 5))
    assert set(Licence.objects.values_list("issue", flat=True)) == {0, 5}


def test_a_site_without_keys_says_which(
    east: str, bring: Import, settings: pytest.FixtureRequest
) -> None:
    page_text = text(east)
    settings.LICENSE_PUBLIC_KEY = ""  # type: ignore[attr-defined]
    with pytest.raises(CommandError, match="has no LICENSE_PUBLIC_KEY"):
        bring(page_text)


def test_a_look_says_what_would_become_of_it_and_changes_nothing(east: str) -> None:
    offered, decision = preview_licence(east, text(east, 3))
    assert (offered.issue, decision.verdict) == (3, "new")
    assert Licence.objects.count() == 1
    assert sent_messages() == []


# ---- from BMC ----------------------------------------------------------------------------------


def test_bmc_sends_one_and_it_counts_and_the_platform_is_told(east: str) -> None:
    do(east, from_bmc(east, text(east, 2, software_terminals=40, valid_to=in_days(365))))
    state = state_of()
    assert state.licence is not None
    assert state.licence.issue == 2
    assert sent_messages() == [
        {
            "type": "PLATFORM_LICENSE_NTF",
            "platformmoid": east,
            "smallconfnum": 30,
            "largeconfnum": 3,
            "softwarenumlimit": 40,
            "hardwarenumlimit": 816,
            "monitornumlimit": 816,
            "mediaportnumlimit": 816,
            "currentcallnumlimit": 816,
            "validfrom": "2020-01-01T00:00:00+00:00",
            "validto": state.licence.valid_to.isoformat() if state.licence.valid_to else "",
            "issue": 2,
            "evaluation": 0,
        }
    ]


def test_what_bmc_sends_again_or_late_changes_nothing_and_is_not_parked(east: str) -> None:
    two = text(east, 2)
    do(east, from_bmc(east, two), from_bmc(east, two), from_bmc(east, text(east, 1)))
    do(east, from_bmc(east, two))
    assert set(Licence.objects.values_list("issue", flat=True)) == {0, 2}
    assert len(sent_messages()) == 1
    assert Parked.objects.count() == 0


def test_a_bad_one_from_bmc_is_parked_with_its_reason_and_the_rest_is_done(east: str) -> None:
    good = text(east, 2)
    bad = {
        "license: altered": from_bmc(east, good[:-9] + "A" * 9),
        "license: expired": from_bmc(east, text(east, 9, valid_to=in_days(-1))),
        "license: issued for platform": from_bmc("north", text("north", 1)),
        "platformmoid: the licence is of": from_bmc("west", text(east, 2)),
        "platformmoid: is missing": from_bmc(east, good),
    }
    bad["platformmoid: is missing"].__init__(  # type: ignore[misc]
        b'{"type": "BMC_CSS_LICENSE_NTF", "license": "x"}', from_bmc(east, good).envelope
    )
    do(east, *bad.values(), from_bmc(east, good))
    reasons = sorted(Parked.objects.values_list("reason", flat=True))
    assert len(reasons) == len(bad)
    for begin, reason in zip(sorted(bad), reasons, strict=True):
        assert reason.startswith(begin)
    assert set(Licence.objects.values_list("issue", flat=True)) == {0, 2}


def test_a_site_that_is_served_elsewhere_writes_nothing(east: str, bring: Import) -> None:
    from foundation.cells.models import Cell

    Cell.objects.update(owner="west")
    do(east, from_bmc(east, text(east, 2)))
    with pytest.raises(CommandError, match="served by another site"):
        bring(text(east, 2))
    assert not revoke_licence(east, east, 0)
    assert Licence.objects.count() == 1
    assert sent_messages() == []
    assert Parked.objects.count() == 0
