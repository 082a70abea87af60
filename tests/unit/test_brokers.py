"""The configuration files of brokers say what the stand's brokers are told."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.stand.rabbitmq import CLIENTS_LIMITS, PLATFORM_LIMITS, RabbitMQ, clients_broker
from foundation.bus.message import MAX_BYTES
from im.rules.vocabulary import BODY_BYTES

DEPLOY = Path(__file__).parents[2] / "deploy"
OF_THE_PLACE = {"management.tcp.port", "prometheus.tcp.port", "mqtt.listeners.tcp.1"}
"""Settings in which a stand differs: all its listeners are on loopback, on ports of its own."""


def _settings(text: str) -> dict[str, str]:
    lines = (line for line in text.splitlines() if line and not line.startswith("#"))
    return {name: value for name, _, value in (line.partition(" = ") for line in lines)}


@pytest.mark.parametrize("name", ["rabbitmq.conf", "rabbitmq-im.conf"])
def test_a_broker_of_an_installation_is_configured_like_that_of_the_stand(
    name: str, tmp_path: Path
) -> None:
    stand = (
        clients_broker(tmp_path, 5673, "x", node="x", door=8030)
        if name == "rabbitmq-im.conf"
        else RabbitMQ(tmp_path, 5672, "x", node="x")
    )
    written = _settings((DEPLOY / name).read_text())
    told = _settings(stand._config())
    assert {key: told[key] for key in written if key in told and key not in OF_THE_PLACE} == {
        key: value for key, value in written.items() if key in told and key not in OF_THE_PLACE
    }
    assert {"max_message_size", "tcp_listen_options.nodelay"} <= set(written) & set(told)


def test_what_a_broker_takes_is_more_than_what_is_read_and_not_much_more() -> None:
    assert BODY_BYTES < int(CLIENTS_LIMITS["max_message_size"]) <= 2 * BODY_BYTES
    assert MAX_BYTES < int(PLATFORM_LIMITS["max_message_size"]) <= 4 * MAX_BYTES
