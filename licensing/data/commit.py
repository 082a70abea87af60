"""Changes of licences become real here only: the licence in force is summed again, and published if it changed."""

from __future__ import annotations

import logging

from django.conf import settings

from foundation.bus.outgoing import Send
from licensing.data.unit_of_work import LicensingUnitOfWork
from licensing.rules.decisions import HeldLicence
from wire.licences import LicenceIssued
from wire.routes import Routes

log = logging.getLogger("licensing")


def accept(uow: LicensingUnitOfWork, licence: HeldLicence) -> None:
    """Save a new issue, which counts from now on. An issue that comes revoked counts for nothing."""
    kind = "revoked, as it came" if licence.revoked_at else "loaded"
    log.info("licence %d of %s is %s", licence.issue, licence.platform, kind)
    uow.save(licence)
    _notify(uow, licence)


def revoke(uow: LicensingUnitOfWork, licence: HeldLicence) -> None:
    """Revoke an issue, so that it no longer counts."""
    log.warning("licence %d of %s is revoked", licence.issue, licence.platform)
    _notify(uow, uow.revoke(licence))


def _notify(uow: LicensingUnitOfWork, licence: HeldLicence) -> None:
    """Notify those for whom a licence counts: our own platform's modules and, from the core, the sites."""
    if licence.platform in uow.served:
        publish(uow)
    for peer in uow.concerned(licence.platform) if uow.is_core else ():
        if peer in settings.PEERS:
            send_licence(uow, licence, peer)


def send_licence(uow: LicensingUnitOfWork, licence: HeldLicence, peer: str) -> None:
    """Send a licence from the core to a site. `peer` is "" for our own broker.

    The evaluation licence has no text, so it is not sent.
    """
    if licence.text and not licence.wrong:
        notice = LicenceIssued(
            platform=licence.platform,
            license=licence.text,
            revoked=True if licence.revoked_at else None,
        )
        uow.send(Send(message=notice, route=Routes.LICENCE_NOTICE, destination=peer))


def publish(uow: LicensingUnitOfWork, *, anyway: bool = False) -> None:
    """Publish what the platform may do now, if that has changed, or `anyway`."""
    in_force = uow.in_force()
    is_known = uow.was_published(in_force)
    if not is_known:
        uow.remember_published(in_force)
    if anyway or not is_known:
        uow.send(Send(message=in_force, route=Routes.LICENCE_IN_FORCE))
