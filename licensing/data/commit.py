"""The only place where a change of licences becomes real: summed again, published if it is another."""

from __future__ import annotations

import logging

from django.conf import settings

from foundation.bus.outgoing import Send
from licensing.data.unit_of_work import LicensingUnitOfWork
from licensing.rules.decisions import Held
from wire.licences import LicenceIssued
from wire.routes import Routes

log = logging.getLogger("licensing")


def take(uow: LicensingUnitOfWork, one: Held) -> None:
    """A new issue counts from now on; one that comes revoked counts for nothing."""
    kind = "revoked, as it came" if one.revoked_at else "loaded"
    log.info("licence %d of %s is %s", one.issue, one.platform, kind)
    uow.save(one)
    _tell(uow, one)


def revoke(uow: LicensingUnitOfWork, one: Held) -> None:
    """An issue counts no more."""
    log.warning("licence %d of %s is revoked", one.issue, one.platform)
    _tell(uow, uow.revoke(one))


def _tell(uow: LicensingUnitOfWork, one: Held) -> None:
    """Those for whom it counts: our own platform's modules; from the core, the sites."""
    if one.platform in uow.served:
        publish(uow)
    for peer in uow.concerned(one.platform) if uow.is_core else ():
        if peer in settings.PEERS:
            issue(uow, one, peer)


def issue(uow: LicensingUnitOfWork, one: Held, peer: str) -> None:
    """From the core to a site (empty: on our own broker). The evaluation licence has no text."""
    if one.text and not one.wrong:
        told = LicenceIssued(
            platform=one.platform, license=one.text, revoked=True if one.revoked_at else None
        )
        uow.send(Send(message=told, route=Routes.LICENCE_NOTICE, destination=peer))


def publish(uow: LicensingUnitOfWork, *, anyway: bool = False) -> None:
    """Tell the platform what it may do now, if that has changed (`anyway`: even if not)."""
    now = uow.in_force()
    known = uow.was_published(now)
    if not known:
        uow.remember_published(now)
    if anyway or not known:
        uow.send(Send(message=now, route=Routes.LICENCE_IN_FORCE))
