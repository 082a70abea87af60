"""The module builds the threads that a worker runs besides its Celery tasks, from the settings and the apps."""

from __future__ import annotations

from functools import partial

from django.conf import settings

from confplatform.declarations import configs
from foundation.bus import dispatch
from foundation.bus.app_config import WorkerThread
from foundation.bus.consumer import BatchHandler, Consumer
from foundation.bus.link import PeerLink
from foundation.bus.relay import Relay
from foundation.cells.directory import own_platform, possible_platforms, store_of


def batch_handlers() -> dict[str, BatchHandler]:
    """Return the queues that this site consumes, as its roles require: queue -> function that handles its messages."""
    dispatcher: BatchHandler = partial(dispatch.handle_batch, publish_inline=True)
    handlers = {queue: dispatcher for role in settings.ROLES for queue in queues_of(role)}
    for config in configs():
        handlers |= config.batch_handlers()
    return handlers


def queues_of(role: str) -> list[str]:
    """Return the names of the queues that a site with this role, such as "css", consumes."""
    return [route.queue for config in configs() for route in config.queues.get(role, ())]


def threads() -> list[WorkerThread]:
    """Return the threads of a worker that receive and send messages.

    - the consumer of our own broker;
    - for each database that may have messages to send: a relay, which sends them to our own broker, and a link to each
      other site's (peer's) broker;
    - at the core (the central site): the consumers of those sites' brokers;
    - the threads of the apps.
    """
    own = store_of(own_platform())
    stores = [store_of(platform) for platform in possible_platforms()]
    peers = sorted(settings.PEERS.items())
    return [
        Consumer(own, settings.AMQP_URL, batch_handlers(), _on_connected),
        *(Relay(store, settings.AMQP_URL) for store in stores),
        *(PeerLink(store, peer, url) for store in stores for peer, url in peers),
        *(_consumer_of_peer(peer, url) for peer, url in peers if "bmc" in settings.ROLES),
        *(thread for config in configs() for thread in config.threads()),
    ]


def _consumer_of_peer(peer: str, url: str) -> Consumer:
    """Return the thread by which the core, the central site, consumes another site's requests on that site's broker.

    `peer` is the id of that site's platform, `url` the AMQP URL of its broker.
    """
    dispatcher: BatchHandler = partial(dispatch.handle_batch, publish_inline=False)
    queues = dict.fromkeys(queues_of("bmc"), dispatcher)
    return Consumer(store_of(own_platform()), url, queues, lambda: None, peer)


def _on_connected() -> None:
    """Tell every app that the consumer is connected to our own broker, for the first time or again."""
    for config in configs():
        config.on_connected()
