"""A platform with instant messages, with the session's broker and its auth backend."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from django.conf import settings
from django.core.management import call_command

from deploy.stand.site import Site
from tests.im import devices, killed
from tests.im.devices import Device, Running
from tests.im.door import door, eventually

__all__ = ["door"]


@pytest.fixture(scope="session")
def chat_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Run a whole site with instant messages, for tests of xdist group `im`."""
    with killed.chat_site(tmp_path_factory.mktemp("chat")) as site:
        yield site


@pytest.fixture
def im_site(door: str, transactional_db: None) -> str:
    """Provision a platform, empty its queues, and return its MOID."""
    call_command("load_demo", verbosity=0)
    call_command("provision", verbosity=0)
    devices.empty_queues()
    return str(settings.PLATFORM_MOID)


@pytest.fixture
def center(im_site: str) -> Iterator[Running]:
    """Run a center."""
    running_center = Running()
    try:
        eventually(lambda: devices.readers() > 0)
        yield running_center
    finally:
        running_center.stop()


@pytest.fixture
def sign_in(im_site: str) -> Iterator[Callable[..., Device]]:
    """Yield a function that creates devices, which end with the test."""
    devices: list[Device] = []

    def make(user: str, name: str = "d1", *, token: str = "") -> Device:
        devices.append(Device(user, name, token=token))
        return devices[-1]

    yield make
    for device in devices:
        device.close()
