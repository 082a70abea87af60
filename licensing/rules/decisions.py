"""Define the rules for stored licences (whether one is valid now) and for offered ones (whether one is accepted)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from licensing.rules.amounts import NONE, Amounts
from licensing.rules.licence_text import Licence

WARN_DAYS = (30, 7, 1)
"""Operators are warned this many days before the end (licensing.md)."""

_DAY = 86_400.0
_MAX_NAMES = 4
"""An error text names at most so many platforms."""


class Standing(StrEnum):
    """The standing says whether a platform's licence is valid, or why not.

    Conferences can be created with VALID only; otherwise they are refused with error code 29017.
    """

    VALID = "valid"
    MISSING = "missing"
    NOT_YET = "not yet valid"
    EXPIRED = "expired"
    REVOKED = "revoked"
    INVALID = "invalid"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredLicence:
    """A licence as a site stores it: its sealed (signed, encrypted) text, and its limits and validity from that.

    `text_error` says why the sealed text is not valid; then all limits are 0.
    """

    platform: str
    issue: int
    text: str = ""
    amounts: Amounts = NONE
    valid_from: datetime
    valid_to: datetime | None = None
    evaluation: bool = False
    revoked_at: datetime | None = None
    text_error: str = ""

    def has_content_of(self, licence: Licence) -> bool:
        """Return whether a licence has the same content as this one, even if its sealed text differs."""
        own_content = (self.platform, self.issue, self.amounts, self.valid_from, self.valid_to)
        return own_content == (
            licence.platform,
            licence.issue,
            licence.amounts,
            licence.valid_from,
            licence.valid_to,
        )


def standing(licence: StoredLicence | None, now: datetime) -> Standing:
    """Return whether a platform's newest licence is valid now, or why not. `None`: the platform has none."""
    if licence is None:
        return Standing.MISSING
    if licence.revoked_at is not None:
        return Standing.REVOKED
    if licence.text_error:
        return Standing.INVALID
    if now < licence.valid_from:
        return Standing.NOT_YET
    if licence.valid_to is not None and licence.valid_to <= now:
        return Standing.EXPIRED
    return Standing.VALID


def limits_at(licence: StoredLicence | None, now: datetime) -> Amounts | None:
    """Return the limits that a licence sets at the time `now`; `None` if it is not valid then."""
    return licence.amounts if licence and standing(licence, now) is Standing.VALID else None


def days_left(licence: StoredLicence | None, now: datetime) -> float | None:
    """Return how many days are left until a licence ends; 0 if it is not valid, `None` if it has no end."""
    if licence is None or standing(licence, now) is not Standing.VALID:
        return 0.0
    return None if licence.valid_to is None else (licence.valid_to - now).total_seconds() / _DAY


def warning(licence: StoredLicence | None, now: datetime) -> str:
    """Return the warning for operators about a platform's licence; "" if there is nothing to warn of."""
    state = standing(licence, now)
    if state is Standing.MISSING:
        return "no licence: no conference can be created; import one"
    if state is not Standing.VALID:
        assert licence is not None
        reason = (
            f" ({licence.text_error})" if licence.text_error and state is Standing.INVALID else ""
        )
        return f"licence {licence.issue} is {state}{reason}: no conference can be created; import a new one"
    days = days_left(licence, now)
    if licence is None or licence.valid_to is None or days is None or days > WARN_DAYS[0]:
        return ""
    threshold = min(limit for limit in WARN_DAYS if days <= limit)
    span = "one day" if threshold == 1 else f"{threshold} days"
    return f"licence {licence.issue} ends in less than {span} ({moment_in_words(licence.valid_to)}); import the next"


class Verdict(StrEnum):
    """The result of the decision about an offered licence.

    NEW: it is saved. REVOKES: the stored issue is revoked. KNOWN: it is stored already. All others:
    it is refused.
    """

    NEW = "new"
    REVOKES = "revokes"
    KNOWN = "known"
    OLDER = "older"
    OTHER_PLATFORM = "other platform"
    OTHER_CONTENT = "other content"
    REVOKED = "revoked"
    NOT_YET = "not yet valid"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Decision:
    """The decision about an offered licence: the verdict, and in `detail` the reason if it is not accepted."""

    verdict: Verdict
    detail: str = ""


def decide_import(
    offered: Licence,
    newest: StoredLicence | None,
    platforms: Collection[str],
    now: datetime,
    *,
    revoked: bool = False,
) -> Decision:
    """Decide whether an offered licence, whose signature is valid, is accepted at this site.

    `newest`: the newest issue (edition) of its platform that we store. `platforms`: those whose licences
    we store. `revoked`: the sender has revoked it; it is stored nevertheless, so that no older issue
    stays in force.
    """
    if offered.platform not in platforms:
        names = ", ".join([*platforms][:_MAX_NAMES]) + (
            ", …" if len(platforms) > _MAX_NAMES else ""
        )
        detail = f"issued for platform {offered.platform}; this site serves {names}"
        return Decision(Verdict.OTHER_PLATFORM, detail)
    if revoked:
        return _decide_revoked(offered, newest)
    if newest is not None and (refusal := _refuse_same_or_older(offered, newest)):
        return refusal
    if now < offered.valid_from:
        detail = f"not yet valid: it begins {moment_in_words(offered.valid_from)}, now is {moment_in_words(now)}"
        return Decision(Verdict.NOT_YET, detail)
    if offered.valid_to is not None and offered.valid_to <= now:
        detail = (
            f"expired: it ended {moment_in_words(offered.valid_to)}, now is {moment_in_words(now)}"
        )
        return Decision(Verdict.EXPIRED, detail)
    return Decision(Verdict.NEW)


def _decide_revoked(offered: Licence, newest: StoredLicence | None) -> Decision:
    """Decide whether an offered licence, revoked by its sender, is saved, or revokes the stored one (`newest`)."""
    if newest is None or offered.issue > newest.issue:
        return Decision(Verdict.NEW)
    if offered.issue < newest.issue:
        return Decision(Verdict.OLDER, f"issue {newest.issue} is loaded")
    if newest.revoked_at is not None:
        return Decision(Verdict.KNOWN, f"issue {newest.issue} is revoked already")
    return Decision(Verdict.REVOKES)


def _refuse_same_or_older(offered: Licence, newest: StoredLicence) -> Decision | None:
    """Return the refusal of a licence whose issue (edition) is no newer than the stored one; `None` if it is newer.

    The same issue is accepted again if the stored row's text is invalid.
    """
    if offered.issue < newest.issue:
        detail = f"issue {offered.issue} is older than issue {newest.issue}, which is loaded"
        return Decision(Verdict.OLDER, detail)
    if offered.issue > newest.issue:
        return None
    if newest.revoked_at is not None:
        detail = f"issue {newest.issue} was revoked {moment_in_words(newest.revoked_at)}; ask for the next one"
        return Decision(Verdict.REVOKED, detail)
    if newest.text_error:
        return None
    if newest.has_content_of(offered):
        return Decision(Verdict.KNOWN, f"issue {newest.issue} is loaded already")
    detail = f"issue {newest.issue} is loaded with other content; a change needs a new issue"
    return Decision(Verdict.OTHER_CONTENT, detail)


def moment_in_words(moment: datetime) -> str:
    """Return a time in words for people: UTC, to the minute."""
    return f"{moment:%Y-%m-%d %H:%M} UTC"
