"""Nobody stops others: large messages, and readiness that asks for progress."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

import orjson
import pika.exceptions
import pytest

from foundation.bus.outbox import OutboxRow
from foundation.cells.directory import own_platform, redis_of
from im.api.message_center import PREFETCH, PREFETCH_BYTES, Center
from im.data import health, presence_store
from im.rules.messages import ClientDelivery
from im.rules.rate import BYTES_A_MESSAGE
from im.rules.vocabulary import BODY_BYTES, BURST
from tests.im.conversations import conversation
from tests.im.devices import Device, Running
from tests.im.door import GROUP, eventually

pytestmark = pytest.mark.xdist_group(GROUP)
ANN, BOB, DAN = "ann-1", "bob-2", "dan-4"
LARGE = 512 * 1024
"""More than a center reads; the session's broker takes it, the clients' broker of a site would not."""
SignIn = Callable[..., Device]


def large(number: int, size: int = LARGE) -> bytes:
    """Return a message that is larger than allowed."""
    data = {"conversation_id": "1", "client_msg_id": f"large-{number}", "body": "x" * size}
    return orjson.dumps({"cmd": "msg", "token": "Tricolorx", "data": data})


def test_a_message_that_is_too_large_is_refused_by_its_own_id(
    center: Running, sign_in: SignIn
) -> None:
    ann = sign_in(ANN)
    ann.publish(large(1, BODY_BYTES), "c_1")
    (refused,) = ann.wait("msg_refused")
    assert (refused["code"], refused["client_msg_id"]) == ("too_large", "large-1")


def test_who_sends_large_messages_without_end_is_put_out_and_others_go_on(
    center: Running, sign_in: SignIn
) -> None:
    group = conversation(DAN, BOB)
    dan, bob = sign_in(DAN), sign_in(BOB)
    with suppress(pika.exceptions.AMQPError):  # it is put out
        for number in range(3 * BURST * BYTES_A_MESSAGE // LARGE + 20):
            dan.publish(large(number), f"c_{group}")
    bob.text(group, client_msg_id="m-1")
    assert bob.wait("msg_ack")[0]["client_msg_id"] == "m-1"
    eventually(lambda: DAN in presence_store.blocked_flooders(time.time()))
    assert center.center._arrivals.prefetch * LARGE <= PREFETCH_BYTES < PREFETCH * LARGE


class Stuck(Center):
    """A center that runs, and finishes nothing until it is let go."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.has_begun, self.may_go_on = threading.Event(), threading.Event()
        handle = self._chain.handle_batch

        def wait(deliveries: Sequence[ClientDelivery]) -> list[OutboxRow]:
            self.has_begun.set()
            self.may_go_on.wait(60)
            return handle(deliveries)

        self._chain.handle_batch = wait  # type: ignore[method-assign]  # to stop there


class Standby(Center):
    """A center that tells when it has looked and found nothing for itself."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.has_looked = threading.Event()

    def _note_idle(self) -> None:
        super()._note_idle()
        self.has_looked.set()


def test_a_center_that_gets_nowhere_makes_the_site_not_ready(im_site: str, sign_in: SignIn) -> None:
    made: list[Stuck] = []

    def make(number: int) -> Center:
        made.append(Stuck(number))
        return made[-1]

    standby = Standby(0)
    assert "center 0 has finished nothing for an hour" in health.why_stalled()
    running, second = Running(make=make), None
    try:
        eventually(lambda: health.why_stalled() == "")
        ann = sign_in(ANN)
        ann.publish(large(1, 10), "c_1")
        assert made[0].has_begun.wait(20)
        redis_of(own_platform()).expire("im:center:0", health.KEPT_SECONDS - 20)
        assert "center 0 has finished nothing for 20 s" in health.why_stalled()
        [finding] = [each for each in health.findings() if each.check == "center 0"]
        assert "im_center --number 0" in finding.todo
        second = Running(make=lambda number: standby)
        assert standby.has_looked.wait(20)
        assert "has finished nothing" in health.why_stalled(), "one that stands by hides nothing"
        made[0].may_go_on.set()
        eventually(lambda: health.why_stalled() == "")
    finally:
        made[0].may_go_on.set()
        running.stop()
        if second:
            second.stop()
