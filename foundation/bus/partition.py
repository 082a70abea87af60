"""The module splits a batch of messages by the platforms whose data each message concerns."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from foundation.bus.delivery import Delivery
from foundation.cells.directory import own_platform, possible_platforms
from foundation.hooks import SingleHook

PLATFORMS_OF: SingleHook[[Sequence[Delivery]], Sequence[Collection[str]]] = SingleHook()
"""The receiver returns, for each delivery of a batch, the platforms whose data it concerns."""


def by_platform(deliveries: Sequence[Delivery]) -> dict[str, Sequence[Delivery]]:
    """Return a batch of messages split by the platforms whose data they concern: platform -> deliveries.

    If this site can serve only its own platform, or no receiver of PLATFORMS_OF is connected, all concern that one.
    """
    platforms = PLATFORMS_OF.call(deliveries) if len(possible_platforms()) > 1 else None
    if platforms is None:
        return {own_platform(): deliveries}
    deliveries_of: dict[str, list[Delivery]] = {}
    for delivery, concerned_platforms in zip(deliveries, platforms, strict=True):
        for platform in concerned_platforms:
            # Each platform gets a copy: handling may fail on the data of one platform and succeed on another's.
            copy = delivery if len(concerned_platforms) == 1 else replace(delivery)
            deliveries_of.setdefault(platform, []).append(copy)
    return dict(deliveries_of)
