"""Changes of licences take effect only here: they are saved, and published to modules and sites.

An issue is a numbered edition of a platform's licence; only the newest one counts.
"""

from __future__ import annotations

import logging

from django.conf import settings

from foundation.bus.outgoing import Send
from licensing.data.unit_of_work import LicensingUnitOfWork
from licensing.rules.decisions import StoredLicence
from wire.licences import LicenceIssued
from wire.routes import Routes

log = logging.getLogger("licensing")


def save_and_publish(uow: LicensingUnitOfWork, licence: StoredLicence) -> None:
    """Save a new issue (edition) of a platform's licence, which replaces the last one, and publish it.

    An issue that is revoked already is saved, too: from then on the platform has no valid licence.
    """
    kind = "revoked, as it came" if licence.revoked_at else "loaded"
    log.info("licence %d of %s is %s", licence.issue, licence.platform, kind)
    uow.save(licence)
    _publish_change(uow, licence)


def revoke_licence(uow: LicensingUnitOfWork, licence: StoredLicence) -> None:
    """Revoke the newest issue (edition) of a platform's licence, so that it has no valid licence."""
    log.warning("licence %d of %s is revoked", licence.issue, licence.platform)
    _publish_change(uow, uow.revoke(licence))


def _publish_change(uow: LicensingUnitOfWork, licence: StoredLicence) -> None:
    """Publish the limits of a changed licence here and, at the central site (the core), send it to the sites."""
    if licence.platform in uow.platforms_here:
        publish_limits(uow)
    for peer in uow.sites_of_licence(licence.platform) if uow.is_core else ():
        # Without an address of its broker a site cannot be sent anything.
        if peer in settings.PEERS:
            send_licence(uow, licence, peer)


def send_licence(uow: LicensingUnitOfWork, licence: StoredLicence, peer: str) -> None:
    """Send a licence from the central site (the core) to a site.

    `peer` is that site; "" means the site whose broker is our own. The built-in evaluation licence
    has no text, so it is not sent.
    """
    if licence.text and not licence.text_error:
        notice = LicenceIssued(
            platform=licence.platform,
            license=licence.text,
            revoked=True if licence.revoked_at else None,
        )
        uow.send(Send(message=notice, route=Routes.LICENCE_NOTICE, destination=peer))


def publish_limits(uow: LicensingUnitOfWork, *, even_if_unchanged: bool = False) -> None:
    """Publish the limits of the platform's licence to its modules, if they changed or `even_if_unchanged`."""
    message = uow.licence_in_force()
    is_unchanged = uow.was_published(message)
    if not is_unchanged:
        uow.save_published(message)
    if even_if_unchanged or not is_unchanged:
        uow.send(Send(message=message, route=Routes.LICENCE_IN_FORCE))
