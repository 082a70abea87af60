"""Builds the real parts from the settings: which sites a transaction has, which desk takes which queue."""

from __future__ import annotations

from functools import partial

from django.conf import settings

from conferences import manager
from conferences.pool import units
from conferences.pool.desk import desk as pool_desk
from confplatform.bus import dispatch
from confplatform.bus.consume import Consumer, Desk
from confplatform.bus.relay import Relay
from confplatform.bus.topology import Routes
from confplatform.stores.directory import own_platform, store_of
from licensing.flows import tell as licences

QUEUES_OF = {
    "css": (
        Routes.CM_TO_CSS,
        Routes.CM_TO_UNIT,
        Routes.UNIT_TO_CSS,
        Routes.RMS_TO_CSS,
        Routes.MS_TO_CSS,
        Routes.LICENCE_NOTICE,
    ),
    "cm": (Routes.CSS_TO_CM, Routes.STATE_TO_CM),
    "rms": (Routes.TO_RMS, Routes.NODE_TO_RMS),
}
"""The queues that each role of this software consumes."""


def desks() -> dict[str, Desk]:
    """The queues of our roles, and who does what comes from them."""
    platform = own_platform()
    work = partial(dispatch.handle, platform, first_turn=True)
    desk_of = {"css": work, "rms": pool_desk(platform), "cm": partial(manager.take, platform)}
    return {
        route.value.queue: desk_of[role]
        for role in sorted(settings.ROLES)
        for route in QUEUES_OF[role]
    }


def consumer() -> Consumer:
    """The message consumer of this process."""
    return Consumer(store_of(own_platform()), settings.AMQP_URL, desks(), _greet)


def _greet() -> None:
    """After a start or a gap: units say what they hold, BMC which licences there are (CSS §4.1)."""
    units.ask_for_lists(own_platform())
    if "css" in settings.ROLES:
        licences.greet(own_platform())


def relay() -> Relay:
    """The relay of this process."""
    return Relay(store_of(own_platform()), settings.AMQP_URL)
