"""A licence arrives from BMC or from an operator, and counts from then on (CSS §4.2).

BMC -> CSS       BMC_CSS_LICENSE_NTF                     on_licence_issued
CSS -> platform  PLATFORM_LICENSE_NTF                    (when the licence in force is another)
"""

from __future__ import annotations

import logging

from foundation.bus import wake_up
from foundation.bus.envelope import Envelope
from foundation.bus.message import NotTaken
from foundation.bus.registry import handles
from foundation.bus.unit_of_work import begin
from licensing.data import commit, licence_rows, trusted_keys
from licensing.data.unit_of_work import LicensingUnitOfWork
from licensing.rules.decisions import Decision, Verdict, decide_import
from licensing.rules.licence_text import BadLicence, Licence, without_whitespace
from wire.licences import LicenceIssued

log = logging.getLogger("licensing")

HARMLESS = (Verdict.NEW, Verdict.REVOKES, Verdict.KNOWN, Verdict.OLDER)
"""Verdicts on licences that BMC may send, and send again: at start-up it sends all that it has."""


class LicenceRefused(BadLicence):
    """A genuine licence is not accepted."""

    def __init__(self, decision: Decision) -> None:
        self.verdict = decision.verdict
        super().__init__(decision.detail)


@handles(LicenceIssued)
def on_licence_issued(uow: LicensingUnitOfWork, notice: LicenceIssued, envelope: Envelope) -> None:
    """Accept a licence from BMC if it is newer. Raises NotTaken for a bad one, which is then parked with its reason."""
    if not uow.is_open:
        log.info("licence of %s left to the site that serves us now", notice.platform)
        return
    try:
        licence = trusted_keys.verify(notice.license)
    except BadLicence as error:
        raise NotTaken(str(error), "license") from None
    if licence.platform != notice.platform:
        raise NotTaken(f"the licence is of platform {licence.platform}", "platformmoid")
    decision = _decide(uow, licence, notice.license, revoked=bool(notice.revoked))
    if decision.verdict not in HARMLESS:
        raise NotTaken(decision.detail, "license")


def _decide(
    uow: LicensingUnitOfWork, licence: Licence, text: str, *, revoked: bool = False
) -> Decision:
    newest = uow.newest(licence.platform) if licence.platform in uow.platforms else None
    decision = decide_import(licence, newest, uow.platforms, uow.now, revoked=revoked)
    if decision.verdict is Verdict.NEW:
        revoked_at = uow.now if revoked else None
        commit.accept(uow, licence_rows.to_held(licence, without_whitespace(text), revoked_at))
    elif decision.verdict is Verdict.REVOKES and newest is not None:
        commit.revoke(uow, newest)
    else:
        log.info("licence %d of %s: %s", licence.issue, licence.platform, decision.detail)
    return decision


def load(platform: str, text: str) -> tuple[Licence, Decision]:
    """Load a licence that an operator brings. Return it with NEW or KNOWN. Raises a BadLicence with the reason."""
    licence = trusted_keys.verify(text)
    with begin(platform) as uow:
        licensing = uow.part(LicensingUnitOfWork)
        if not licensing.is_open:
            raise BadLicence("this platform is served by another site now; load it there")
        decision = _decide(licensing, licence, text)
    if decision.verdict not in (Verdict.NEW, Verdict.KNOWN):
        raise LicenceRefused(decision)
    wake_up.everywhere(platform)
    return licence, decision


def preview(platform: str, text: str) -> tuple[Licence, Decision]:
    """Return the licence of a text, and what loading it would do. Nothing is changed. Raises a BadLicence."""
    licence = trusted_keys.verify(text)
    with begin(platform) as uow:
        licensing = uow.part(LicensingUnitOfWork)
        newest = (
            licensing.newest(licence.platform) if licence.platform in licensing.platforms else None
        )
        return licence, decide_import(licence, newest, licensing.platforms, licensing.now)
