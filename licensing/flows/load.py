"""A licence comes from the management console (BMC) or an operator, and is in force from then on (CSS §4.2).

BMC -> CSS       BMC_CSS_LICENSE_NTF                     on_licence_issued
CSS -> platform  PLATFORM_LICENSE_NTF                    (when the licence in force is another)
"""

from __future__ import annotations

import logging
from typing import NamedTuple

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

ACCEPTED_VERDICTS = (Verdict.NEW, Verdict.REVOKES, Verdict.KNOWN, Verdict.OLDER)
"""Verdicts that are no errors for a licence from the management console, which may send one again."""


class DecidedLicence(NamedTuple):
    """Represent a verified licence, and the decision whether it is accepted."""

    licence: Licence
    decision: Decision


class LicenceRefused(BadLicence):
    """The error says why a licence with a valid signature is refused."""

    def __init__(self, decision: Decision) -> None:
        """Take verdict and reason of the decision not to accept a licence."""
        self.verdict = decision.verdict
        super().__init__(decision.detail)


@handles(LicenceIssued)
def on_licence_issued(uow: LicensingUnitOfWork, notice: LicenceIssued, envelope: Envelope) -> None:
    """Save a licence from the management console (BMC) if it is newer than the stored one.

    Raises NotTaken for a bad one; the message is then put aside, with the reason, for operators. While another site
    may write our data (`uow` is not open), nothing is saved here.
    """
    if not uow.is_open:
        log.info("licence of %s left to the site that serves us now", notice.platform)
        return
    try:
        licence = trusted_keys.verify(notice.license)
    except BadLicence as error:
        raise NotTaken(str(error), "license") from None
    if licence.platform != notice.platform:
        raise NotTaken(f"the licence is of platform {licence.platform}", "platformmoid")
    decision = _decide_and_save(uow, licence, notice.license, revoked=bool(notice.revoked))
    if decision.verdict not in ACCEPTED_VERDICTS:
        raise NotTaken(decision.detail, "license")


def _decide_and_save(
    uow: LicensingUnitOfWork, licence: Licence, text: str, *, revoked: bool = False
) -> Decision:
    """Decide whether a verified licence is accepted, save it or revoke the stored one, and return the decision.

    `text`: its sealed text. `revoked`: the sender says that it is revoked.
    """
    newest = uow.newest(licence.platform) if licence.platform in uow.licensed_platforms else None
    decision = decide_import(licence, newest, uow.licensed_platforms, uow.now, revoked=revoked)
    if decision.verdict is Verdict.NEW:
        revoked_at = uow.now if revoked else None
        commit.save_and_publish(
            uow, licence_rows.to_stored(licence, without_whitespace(text), revoked_at)
        )
    elif decision.verdict is Verdict.REVOKES and newest is not None:
        commit.revoke_licence(uow, newest)
    else:
        log.info("licence %d of %s: %s", licence.issue, licence.platform, decision.detail)
    return decision


def load_licence(platform: str, text: str) -> DecidedLicence:
    """Save the licence of a sealed (signed, encrypted) text that an operator imports; return it with the verdict.

    Raises BadLicence with the reason if it is refused.
    """
    licence = trusted_keys.verify(text)
    with begin(platform) as uow:
        licensing = uow.part(LicensingUnitOfWork)
        if not licensing.is_open:
            raise BadLicence("this platform is served by another site now; load it there")
        decision = _decide_and_save(licensing, licence, text)
    if decision.verdict not in (Verdict.NEW, Verdict.KNOWN):
        raise LicenceRefused(decision)
    return DecidedLicence(licence, decision)


def preview_licence(platform: str, text: str) -> DecidedLicence:
    """Return the licence of a signed, encrypted text, and whether `load_licence` would accept it. Raises BadLicence."""
    licence = trusted_keys.verify(text)
    with begin(platform) as uow:
        licensing = uow.part(LicensingUnitOfWork)
        newest = (
            licensing.newest(licence.platform)
            if licence.platform in licensing.licensed_platforms
            else None
        )
        decision = decide_import(licence, newest, licensing.licensed_platforms, licensing.now)
    return DecidedLicence(licence, decision)
