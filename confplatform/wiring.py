"""Builds the real parts from the settings: which sites a transaction has, which desk takes which queue."""

from __future__ import annotations

from functools import partial

from django.conf import settings

from conferences.api import own_manager
from conferences.api.pool_requests import desk as pool_desk
from conferences.flows import units
from domains.flows import sync as propagation
from failover.flows import platforms
from failover.flows.platforms import desk as pms_desk
from foundation.bus import dispatch
from foundation.bus.consumer import Consumer, Desk
from foundation.bus.link import Feeder, Link
from foundation.bus.relay import Relay
from foundation.cells.directory import PlatformStore, own_platform, possible_platforms, store_of
from im.data.journal import DESTINATION as CLIENTS
from licensing.flows import publish as licences
from wire.routes import Routes, pms_queue

QUEUES_OF = {
    "css": (
        Routes.CM_TO_CSS,
        Routes.CM_TO_UNIT,
        Routes.UNIT_TO_CSS,
        Routes.RMS_TO_CSS,
        Routes.MS_TO_CSS,
        Routes.PLATFORM_NOTICE,
        Routes.PMS_TO_CSS,
    ),
    "pms": (),
    "im": (),
    "cm": (Routes.CSS_TO_CM, Routes.STATE_TO_CM),
    "rms": (Routes.TO_RMS, Routes.NODE_TO_RMS),
    "bmc": (Routes.BMC_LICENCE, Routes.BMC_SYNC, Routes.BMC_CALL_RECORD),
}
"""The queues that each role of this software consumes."""


def desks() -> dict[str, Desk]:
    """The queues of our roles, and who does what comes from them."""
    platform = own_platform()
    work = partial(dispatch.take, first_turn=True)
    desk_of = {"css": work, "rms": pool_desk(platform), "cm": partial(own_manager.take, platform)}
    desk_of["bmc"] = work
    asked = {pms_queue(platform): pms_desk(platform)} if "pms" in settings.ROLES else {}
    return asked | {
        route.value.queue: desk_of[role]
        for role in sorted(settings.ROLES)
        for route in QUEUES_OF[role]
    }


def threads() -> list[Consumer | Relay]:
    """What a worker runs beside its tasks: consumers, relay, and the ways to the peers."""
    here = store_of(own_platform())
    stores = [store_of(platform) for platform in possible_platforms()]
    peers = sorted(settings.PEERS.items())
    return [
        Consumer(here, settings.AMQP_URL, desks(), _greet),
        *(Relay(store, settings.AMQP_URL) for store in stores),
        *(_in_order() for role in settings.ROLES if role == "css"),
        *(Link(store, peer, url) for store in stores for peer, url in peers),
        *(_consumer_at(peer, url) for peer, url in peers if "bmc" in settings.ROLES),
        *(_to_clients(store) for store in stores if "im" in settings.ROLES),
        *(Feeder(here, peer) for peer, _ in peers if "bmc" in settings.ROLES),
    ]


def _to_clients(store: PlatformStore) -> Link:
    """What is done to conversations over HTTP, told at the broker of people's clients."""
    return Link(store, CLIENTS, settings.IM_AMQP_URL, lenient=True)


def _in_order() -> Consumer:
    """What BMC tells is done in order: one process at a time takes it, and asks what it has missed."""
    work: Desk = partial(dispatch.take, first_turn=True)
    here, queue = store_of(own_platform()), Routes.DOMAIN_NOTICE.value.queue
    greet = partial(propagation.greet, own_platform())
    return Consumer(here, settings.AMQP_URL, {queue: work}, greet, alone=True)


def _consumer_at(peer: str, url: str) -> Consumer:
    """At a peer's broker: what its platform asks of BMC."""
    desk: Desk = partial(dispatch.take, first_turn=False)
    queues = {route.value.queue: desk for route in QUEUES_OF["bmc"]}
    return Consumer(store_of(own_platform()), url, queues, lambda: None, peer)


def _greet() -> None:
    """After a start or a gap: the PMS says how the platforms are (CSS §2.2), units what they hold,
    BMC which licences there are (CSS §4.1)."""
    if "css" in settings.ROLES:
        platforms.ask(own_platform(), everything=True)
        units.ask_for_lists(own_platform())
        licences.greet(own_platform())
