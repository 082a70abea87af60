"""Decisions about licences that a site has, and about licences that are offered to it. `now` is the database's time."""

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
_NAMED = 4
"""A sentence names at most this many platforms of a site."""


class Standing(StrEnum):
    """The standing of a platform's licence. Only VALID lets conferences begin (29017)."""

    VALID = "valid"
    MISSING = "missing"
    NOT_YET = "not yet valid"
    EXPIRED = "expired"
    REVOKED = "revoked"
    INVALID = "invalid"


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldLicence:
    """A licence as a site keeps it.

    `wrong` is the reason why its text cannot be believed. Then its limits are 0.
    """

    platform: str
    issue: int
    text: str = ""
    amounts: Amounts = NONE
    valid_from: datetime
    valid_to: datetime | None = None
    evaluation: bool = False
    revoked_at: datetime | None = None
    wrong: str = ""

    def says(self, licence: Licence) -> bool:
        """Return whether a licence has the same content, even if it was sealed another time."""
        own_content = (self.platform, self.issue, self.amounts, self.valid_from, self.valid_to)
        return own_content == (
            licence.platform,
            licence.issue,
            licence.amounts,
            licence.valid_from,
            licence.valid_to,
        )


def standing(held: HeldLicence | None, now: datetime) -> Standing:
    """Return the standing of a platform's newest issue. An older issue never counts in its stead."""
    if held is None:
        return Standing.MISSING
    if held.revoked_at is not None:
        return Standing.REVOKED
    if held.wrong:
        return Standing.INVALID
    if now < held.valid_from:
        return Standing.NOT_YET
    if held.valid_to is not None and held.valid_to <= now:
        return Standing.EXPIRED
    return Standing.VALID


def amounts_in(held: HeldLicence | None, now: datetime) -> Amounts | None:
    """Return what a platform may do now. `None` means nothing."""
    return held.amounts if held and standing(held, now) is Standing.VALID else None


def days_left(held: HeldLicence | None, now: datetime) -> float | None:
    """Return the days until a platform's licence ends.

    0 means that none is in force, and `None` that it has no end.
    """
    if held is None or standing(held, now) is not Standing.VALID:
        return 0.0
    return None if held.valid_to is None else (held.valid_to - now).total_seconds() / _DAY


def warning(held: HeldLicence | None, now: datetime) -> str:
    """Return what operators have to be told about a platform's licence. "" means that all is well."""
    state = standing(held, now)
    if state is Standing.MISSING:
        return "no licence: no conference can be created; import one"
    if state is not Standing.VALID:
        assert held is not None
        reason = f" ({held.wrong})" if held.wrong and state is Standing.INVALID else ""
        return f"licence {held.issue} is {state}{reason}: no conference can be created; import a new one"
    left = days_left(held, now)
    if held is None or held.valid_to is None or left is None or left > WARN_DAYS[0]:
        return ""
    until = min(days for days in WARN_DAYS if left <= days)
    span = "one day" if until == 1 else f"{until} days"
    return f"licence {held.issue} ends in less than {span} ({when(held.valid_to)}); import the next"


class Verdict(StrEnum):
    """The verdict on a licence that is offered."""

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
    """A verdict and, if it is a refusal, what to tell whoever offered the licence."""

    verdict: Verdict
    detail: str = ""


def decide_import(
    offered: Licence,
    newest: HeldLicence | None,
    platforms: Collection[str],
    now: datetime,
    *,
    revoked: bool = False,
) -> Decision:
    """Decide whether a genuine licence is accepted. `newest` is the licence that its platform has.

    `revoked` says that the core has revoked it. It is kept all the same, so that no older one counts in its stead.
    """
    if offered.platform not in platforms:
        names = ", ".join([*platforms][:_NAMED]) + (", …" if len(platforms) > _NAMED else "")
        detail = f"issued for platform {offered.platform}; this site serves {names}"
        return Decision(Verdict.OTHER_PLATFORM, detail)
    if revoked:
        return _revocation(offered, newest)
    if newest is not None and (refusal := _same_or_older(offered, newest)):
        return refusal
    if now < offered.valid_from:
        detail = f"not yet valid: it begins {when(offered.valid_from)}, now is {when(now)}"
        return Decision(Verdict.NOT_YET, detail)
    if offered.valid_to is not None and offered.valid_to <= now:
        detail = f"expired: it ended {when(offered.valid_to)}, now is {when(now)}"
        return Decision(Verdict.EXPIRED, detail)
    return Decision(Verdict.NEW)


def _revocation(offered: Licence, newest: HeldLicence | None) -> Decision:
    if newest is None or offered.issue > newest.issue:
        return Decision(Verdict.NEW)
    if offered.issue < newest.issue:
        return Decision(Verdict.OLDER, f"issue {newest.issue} is loaded")
    if newest.revoked_at is not None:
        return Decision(Verdict.KNOWN, f"issue {newest.issue} is revoked already")
    return Decision(Verdict.REVOKES)


def _same_or_older(offered: Licence, newest: HeldLicence) -> Decision | None:
    """Return why a licence is not accepted beside the newest one, or `None` if it is newer."""
    if offered.issue < newest.issue:
        detail = f"issue {offered.issue} is older than issue {newest.issue}, which is loaded"
        return Decision(Verdict.OLDER, detail)
    if offered.issue > newest.issue:
        return None
    if newest.revoked_at is not None:
        detail = f"issue {newest.issue} was revoked {when(newest.revoked_at)}; ask for the next one"
        return Decision(Verdict.REVOKED, detail)
    if newest.wrong:
        return None
    if newest.says(offered):
        return Decision(Verdict.KNOWN, f"issue {newest.issue} is loaded already")
    detail = f"issue {newest.issue} is loaded with other content; a change needs a new issue"
    return Decision(Verdict.OTHER_CONTENT, detail)


def when(moment: datetime) -> str:
    """Return a moment for people: UTC, to the minute."""
    return f"{moment:%Y-%m-%d %H:%M} UTC"
