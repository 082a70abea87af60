"""A server of a version that nobody has tried is named, with those that were tried."""

from __future__ import annotations

import pytest

from foundation.bus.server_versions import describe_untested_version


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("MariaDB", "10.11.6-MariaDB-0+deb12u1"),
        ("MariaDB", "11.8.9-MariaDB-0+deb13u1 from Debian"),
        ("MariaDB", "11.4.2-MariaDB"),
        ("Redis", "7.0.15"),
        ("RabbitMQ", "4.0.5"),
    ],
)
def test_tried_versions_and_those_between_are_nothing_to_tell(name: str, version: str) -> None:
    assert describe_untested_version(name, version) == ""


@pytest.mark.parametrize(
    ("name", "version"), [("MariaDB", "10.6.1-MariaDB"), ("Redis", "6.2"), ("RabbitMQ", "4.2.0")]
)
def test_older_and_newer_versions_are_named(name: str, version: str) -> None:
    remark = describe_untested_version(name, version)
    assert remark.startswith(f"{name} {version} was not tried; ")
