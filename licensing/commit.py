"""The only place where a change of licences becomes real: summed again, published if it is another."""

from __future__ import annotations

import logging

from confplatform.bus.sending import Send
from confplatform.bus.topology import Routes
from licensing.decisions import Held
from licensing.site import LicenceSite

log = logging.getLogger("licensing")


def take(site: LicenceSite, one: Held) -> None:
    """A new issue counts from now on."""
    log.info("licence %d of %s is loaded", one.issue, one.platform)
    site.save(one)
    publish(site)


def revoke(site: LicenceSite, one: Held) -> None:
    """An issue counts no more."""
    log.warning("licence %d of %s is revoked", one.issue, one.platform)
    site.revoke(one)
    publish(site)


def publish(site: LicenceSite, *, anyway: bool = False) -> None:
    """Tell the platform what it may do now, if that has changed (`anyway`: even if not)."""
    now = site.in_force()
    known = site.was_published(now)
    if not known:
        site.remember_published(now)
    if anyway or not known:
        site.send(Send(message=now, route=Routes.LICENCE_IN_FORCE))
