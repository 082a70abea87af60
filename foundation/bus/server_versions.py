"""The module compares the versions of a site's servers (database, Redis, broker) with those that were tested."""

from __future__ import annotations

import logging
import re

import redis
from django.conf import settings
from django.db import DatabaseError

from foundation.bus.amqp import BROKER_ERRORS, close, connect
from foundation.cells import sql
from foundation.cells.directory import own_platform, redis_of, store_of

log = logging.getLogger("confplatform.bus")

TESTED_VERSIONS = {
    "MariaDB": ("10.11", "11.8"),
    "Redis": ("7.0", "8.0"),
    "RabbitMQ": ("3.10", "4.0"),
}
"""The oldest and the newest version of each server with which all tests pass."""

_NUMBERS = re.compile(r"\d+")


def untested_servers() -> list[str]:
    """Return a sentence for each server whose version is older or newer than the tested ones.

    Raises the error of a server that does not answer.
    """
    versions = {
        "MariaDB": _database_version(),
        "Redis": _redis_version(),
        "RabbitMQ": _broker_version(),
    }
    return [
        remark
        for name, version in versions.items()
        if (remark := describe_untested_version(name, version))
    ]


def log_untested_servers() -> None:
    """Log a warning for each server whose version was not tested. If a server does not answer, only that is logged."""
    try:
        remarks = untested_servers()
    except (DatabaseError, redis.RedisError, *BROKER_ERRORS) as error:
        log.info("the versions of the servers are not known: %s", error)
        return
    for remark in remarks:
        log.warning(remark)


def describe_untested_version(name: str, version: str) -> str:
    """Return a sentence which says that a server's version was not tested; "" if it lies between the tested ones."""
    oldest, newest = TESTED_VERSIONS[name]
    if _major_minor(oldest) <= _major_minor(version) <= _major_minor(newest):
        return ""
    return f"{name} {version} was not tried; {oldest} to {newest} were"


def _major_minor(version: str) -> tuple[int, ...]:
    """Return major and minor number of a version text: (10, 11) for "10.11.6-MariaDB"."""
    return tuple(int(number) for number in _NUMBERS.findall(version)[:2])


def _database_version() -> str:
    """Return the version of the own platform's database server."""
    return str(sql.select(store_of(own_platform()).database, "SELECT VERSION()")[0][0])


def _redis_version() -> str:
    """Return the version of the own platform's Redis server."""
    return str(redis_of(own_platform()).info("server")["redis_version"])


def _broker_version() -> str:
    """Return the version of the RabbitMQ broker, which it sends when a client connects."""
    connection = connect(settings.AMQP_URL)
    try:
        return str(connection.server_properties["version"])  # type: ignore[attr-defined]  # the stubs lack it
    finally:
        close(connection, politely=True)
