"""Configurations of media units for unit tests."""

from __future__ import annotations

from media_unit.config import UnitConfig, from_environment


def unit_config(**variables: str) -> UnitConfig:
    """Return the configuration of a unit with these environment variables beside those that are needed."""
    needed = {
        "AMQP_URL": "amqp://x/",
        "CMU_IP": "127.0.0.1",
        "CMU_DIR": "/x",
        "CMU_PORT_BASE": "24000",
    }
    return from_environment({**needed, **variables})
