"""Shall a licence that is offered be taken, and what is a kept one worth?"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from licensing.rules.amounts import Amounts
from licensing.rules.decisions import (
    Standing,
    StoredLicence,
    Verdict,
    days_left,
    decide_import,
    limits_at,
    standing,
    warning,
)
from licensing.rules.licence_text import Licence

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def offered(issue: int = 5, **changes: Any) -> Licence:
    usual: dict[str, Any] = {
        "platform": "east",
        "issue": issue,
        "amounts": Amounts(9, 9),
        "valid_from": NOW - DAY,
    }
    return Licence(**{**usual, "valid_to": NOW + 90 * DAY, **changes})


def stored(licence: Licence, **changes: Any) -> StoredLicence:
    same = {
        n: getattr(licence, n) for n in ("platform", "issue", "amounts", "valid_from", "valid_to")
    }
    return StoredLicence(**{**same, "text": "CPL1.x", **changes})


def verdict(licence: Licence, newest: StoredLicence | None = None) -> Verdict:
    decision = decide_import(licence, newest, ("east", "west"), NOW)
    assert bool(decision.detail) is (decision.verdict is not Verdict.NEW)
    return decision.verdict


def test_the_first_and_each_newer_issue_are_taken() -> None:
    evaluation = stored(offered(), issue=0, evaluation=True)
    for newest in (None, evaluation, stored(offered(4)), stored(offered(4), revoked_at=NOW)):
        assert verdict(offered(), newest) is Verdict.NEW
    assert verdict(offered(platform="west")) is Verdict.NEW


def test_each_reason_to_refuse_has_its_verdict() -> None:
    licence = offered()
    assert verdict(offered(platform="north")) is Verdict.OTHER_PLATFORM
    assert verdict(licence, stored(offered(6))) is Verdict.OLDER
    assert verdict(licence, stored(licence)) is Verdict.KNOWN
    assert verdict(licence, stored(licence, amounts=Amounts(1))) is Verdict.OTHER_CONTENT
    assert verdict(licence, stored(licence, revoked_at=NOW)) is Verdict.REVOKED
    assert verdict(offered(valid_from=NOW + timedelta(microseconds=1))) is Verdict.NOT_YET
    assert verdict(offered(valid_to=NOW)) is Verdict.EXPIRED


def test_a_row_that_was_spoilt_is_mended_by_its_own_licence() -> None:
    assert (
        verdict(offered(), stored(offered(), text_error="altered", amounts=Amounts()))
        is Verdict.NEW
    )


def test_what_is_sent_again_after_its_end_is_known_not_expired() -> None:
    over = offered(valid_to=NOW - timedelta(hours=1))
    assert verdict(over, stored(over)) is Verdict.KNOWN


@given(st.integers(-100_000, 100_000))
def test_a_licence_counts_from_its_first_moment_to_just_before_its_end(seconds: int) -> None:
    licence = stored(offered(valid_from=NOW, valid_to=NOW + DAY))
    now = NOW + timedelta(seconds=seconds)
    expected = (
        Standing.NOT_YET
        if seconds < 0
        else Standing.EXPIRED
        if seconds >= 86_400
        else Standing.VALID
    )
    assert standing(licence, now) is expected
    assert (limits_at(licence, now) is not None) is (expected is Standing.VALID)


def test_revoked_and_unreadable_ones_count_for_nothing_and_say_so() -> None:
    licence = stored(offered())
    assert standing(None, NOW) is Standing.MISSING
    assert "no licence" in warning(None, NOW)
    for changed, word in (
        (replace(licence, revoked_at=NOW), "revoked"),
        (replace(licence, text_error="altered: x"), "altered: x"),
    ):
        assert limits_at(changed, NOW) is None
        assert word in warning(changed, NOW)
        assert days_left(changed, NOW) == 0


def test_operators_are_warned_30_7_and_1_days_before_the_end() -> None:
    def left(days: float) -> str:
        return warning(stored(offered(valid_to=NOW + days * DAY)), NOW)

    assert left(30.1) == ""
    assert "30 days" in left(30)
    assert "30 days" in left(7.1)
    assert "7 days" in left(7)
    assert "7 days" in left(1.1)
    assert "one day" in left(1)
    assert "one day" in left(0.01)
    assert "expired" in left(-0.5)
    assert warning(stored(offered(valid_to=None)), NOW) == ""
