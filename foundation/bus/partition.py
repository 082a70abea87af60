"""The partition of a batch says which platforms' data each delivery concerns."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from foundation.bus.delivery import Delivery
from foundation.cells.directory import own_platform, possible_platforms
from foundation.hooks import SingleHook

PLATFORMS_OF: SingleHook[[Sequence[Delivery]], Sequence[Collection[str]]] = SingleHook()
"""Return, for each delivery of a batch, the platforms whose data it concerns."""


def by_platform(deliveries: Sequence[Delivery]) -> dict[str, Sequence[Delivery]]:
    """Return, by platform, the deliveries that concern its data.

    Where this site can serve its own platform alone, or no app knows better, that is the whole batch.
    """
    platforms = PLATFORMS_OF.call(deliveries) if len(possible_platforms()) > 1 else None
    if platforms is None:
        return {own_platform(): deliveries}
    concerned: dict[str, list[Delivery]] = {}
    for delivery, homes in zip(deliveries, platforms, strict=True):
        for platform in homes:
            # One message, done on several platforms' data, may fail on one of them alone.
            copy = delivery if len(homes) == 1 else replace(delivery)
            concerned.setdefault(platform, []).append(copy)
    return dict(concerned)
