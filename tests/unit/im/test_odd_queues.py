"""Clients' queues with forbidden properties are found."""

from __future__ import annotations

from typing import Any

import pytest

from im.data.presence_store import MOST_DEVICES
from im.flows.forbidden_queues import forbidden_of


def queue(name: str, kind: str = "classic", **arguments: Any) -> dict[str, Any]:
    return {
        "name": name,
        "type": kind,
        "arguments": {key.replace("_", "-"): value for key, value in arguments.items()},
    }


@pytest.mark.parametrize(
    "one",
    [
        queue("queue_u_ann_d1", x_overflow="reject-publish"),
        queue("queue_u_ann_d1", "quorum", x_queue_type="quorum"),
        queue("queue_u_ann_d1", "stream", x_queue_type="stream"),
        queue("queue_m_ann_d1", x_dead_letter_exchange=""),
        queue("queue_u_ann_d1", x_max_priority=255),
    ],
)
def test_a_queue_goes_that_would_harm_others(one: dict[str, Any]) -> None:
    assert forbidden_of([one]) == {"ann": [one["name"]]}


def test_a_plain_queue_stays_and_so_do_ours() -> None:
    ours = queue("chat-app-message", "quorum", x_overflow="reject-publish")
    plain = queue("queue_u_ann_d1", x_expires=1, x_max_length=5, x_queue_type="classic")
    assert forbidden_of([ours, plain, queue("mqtt-subscription-uann-d1qos1", x_expires=1)]) == {}


def test_who_has_more_queues_than_devices_loses_them_all() -> None:
    many = [queue(f"queue_u_ann_{number}") for number in range(2 * MOST_DEVICES + 1)]
    assert forbidden_of([*many, queue("queue_u_bob_1")]) == {
        "ann": sorted(one["name"] for one in many)
    }
