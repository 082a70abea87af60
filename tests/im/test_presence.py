"""Contacts are told how somebody is, by the center, over the broker."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from im.flows.presence_publisher import PresencePublisher
from im.models import Contact
from im.rules.vocabulary import Presence
from tests.im.devices import Device, Running

pytestmark = pytest.mark.xdist_group("im_broker")
# Of their own: the door lets a person in twice a second, whichever test it is.
ANN, BOB, CEM = "ann-s1", "bob-s2", "cem-s3"


@pytest.fixture
def teller(center: Running) -> Iterator[PresencePublisher]:
    """Run a presence publisher, as beside a center."""
    publisher = PresencePublisher()
    publisher.start()
    yield publisher
    publisher.ask_to_stop()
    publisher.join(10)
    assert not publisher.is_alive()


@pytest.mark.usefixtures("teller")
def test_a_contact_is_told_within_two_seconds_and_nobody_else(
    sign_in: Callable[..., Device],
) -> None:
    for device, other in ((ANN, BOB), (BOB, ANN)):
        Contact.objects.create(owner=device, other=other, state="friend")
    bob, cem = sign_in(BOB), sign_in(CEM)
    time.sleep(1.5)  # what signing in itself tells
    ann = sign_in(ANN)
    assert bob.wait("presence")[-1] == {"user_id": ANN, "state": "online"}
    begun = time.monotonic()
    ann.say("presence", key="presence", state=Presence.BUSY.value)
    notices = bob.wait("presence", 2)
    took = time.monotonic() - begun
    assert notices[-1] == {"user_id": ANN, "state": "busy"}
    assert took < 2 or _slow_machine(), f"{took:.1f} s"
    assert cem.of("presence") == []


def _slow_machine() -> bool:
    import os

    return os.getloadavg()[0] > 2 * (os.cpu_count() or 1)
