"""Centers that die, databases that go away, two centers at once, people who say too much."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import pika
import pytest
from django.db import OperationalError, connection
from pytest_django import Settings

from foundation.cells.directory import own_platform
from im.data import metrics, presence_store
from im.models import Entry
from tests.im import devices
from tests.im.conversations import conversation
from tests.im.devices import Device, Process, Running
from tests.im.door import GROUP, eventually

pytestmark = pytest.mark.xdist_group(GROUP)
ANN, BOB, CEM, DAN = "ann-k1", "bob-k2", "cem-k3", "dan-k4"
NO_SUCH_THREAD = 1094
"""How the database answers where the connection to be killed has ended already."""
SignIn = Callable[..., Device]


@pytest.fixture
def process(im_site: str, tmp_path: Path) -> Iterator[Callable[..., Process]]:
    processes: list[Process] = []

    def make(number: int = 0, crash_at: str = "") -> Process:
        processes.append(Process(tmp_path / "center.log", number, crash_at=crash_at))
        eventually(lambda: devices.readers(number) > 0 or processes[-1].ended(), 120)
        return processes[-1]

    yield make
    for started in processes:
        started.kill()


@pytest.mark.parametrize("point", ["committed", "published"])
def test_what_a_dead_center_had_stored_is_told_by_the_next_one(
    point: str, process: Callable[..., Process], sign_in: SignIn
) -> None:
    group = conversation(ANN, BOB)
    ann, bob = sign_in(ANN), sign_in(BOB)
    first = process(crash_at=point)
    ann.text(group, "one", client_msg_id="m-1")
    ann.text(group, "plain")
    eventually(first.ended)
    process()
    assert {d["seq"] for d in ann.wait("msg_ack", 2)} == {1, 2}
    eventually(lambda: {d["seq"] for d in bob.of("msg")} == {1, 2})
    assert {d["body"]: d["seq"] for d in bob.of("msg")} == {"one": 1, "plain": 2}
    assert Entry.objects.filter(conversation=group).count() == 2


def test_nothing_is_lost_twice_there_or_out_of_order_when_centers_are_killed(
    process: Callable[..., Process], sign_in: SignIn
) -> None:
    group = conversation(ANN, BOB)
    ann, bob = sign_in(ANN), sign_in(BOB)
    for round_ in range(3):
        running = process()
        for n in range(20):
            ann.text(group, f"{round_}-{n}", client_msg_id=f"m-{round_}-{n}")
        eventually(lambda: len(ann.of("msg_ack")) > 0)
        running.kill()
    process()
    eventually(lambda: len({d["client_msg_id"] for d in ann.of("msg_ack")}) == 60)
    acked = {d["seq"]: d["client_msg_id"] for d in ann.of("msg_ack")}
    rows = Entry.objects.filter(conversation=group).order_by("seq")
    assert dict(rows.values_list("seq", "client_msg_id")) == acked
    assert sorted(acked) == [*range(1, 61)]
    received = {d["seq"]: d["client_msg_id"] for d in bob.wait("msg", 60)}
    assert received == acked
    assert [acked[n + 1] for n in range(60)] == [f"m-{r}-{n}" for r in range(3) for n in range(20)]


def test_a_database_that_hangs_up_costs_no_message(center: Running, sign_in: SignIn) -> None:
    group = conversation(ANN, BOB)
    ann, bob = sign_in(ANN), sign_in(BOB)
    for n in range(5):
        _cut_connections()
        ann.text(group, f"text {n}", client_msg_id=f"m-{n}")
    assert {d["seq"] for d in bob.wait("msg", 5)} == {1, 2, 3, 4, 5}
    assert Entry.objects.filter(conversation=group).count() == 5


def _cut_connections() -> None:
    """Kill all database connections but our own."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM information_schema.processlist"
            " WHERE id<>CONNECTION_ID() AND db=DATABASE()"
        )
        for (number,) in cursor.fetchall():
            try:
                cursor.execute(f"KILL SOFT CONNECTION {number}")
            except OperationalError as error:
                if error.args[0] != NO_SUCH_THREAD:  # It may have ended since it was listed.
                    raise


def test_where_another_site_serves_nobody_is_answered_and_says_it_again_where_he_does(
    center: Running, sign_in: SignIn
) -> None:
    group, ann = conversation(ANN, BOB), sign_in(ANN)
    before = _unanswered()
    _let_serve("another")
    ann.text(group, client_msg_id="m-1")
    eventually(lambda: _unanswered() > before)
    assert not Entry.objects.exists()
    _let_serve(own_platform())
    ann.text(group, client_msg_id="m-1")
    ann.wait("msg_ack")
    assert ann.of("msg_refused") == []


def _unanswered() -> float:
    return next(iter(metrics.UNANSWERED.collect())).samples[0].value


def _let_serve(platform: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE stores_cell SET owner=%s", [platform])


def test_two_centers_share_the_conversations_and_keep_their_order(
    process: Callable[..., Process], sign_in: SignIn, settings: Settings
) -> None:
    settings.IM_CENTERS = 2
    devices.empty_queues()
    groups = [conversation(ANN, BOB) for _ in range(8)]
    ann, bob = sign_in(ANN), sign_in(BOB)
    for number in (0, 1):
        process(number)
    for n in range(80):
        ann.text(groups[n % 8], f"{n}", client_msg_id=f"m-{n}")
    ann.wait("msg_ack", 80)
    received = bob.wait("msg", 80)
    for k, group in enumerate(groups):
        mine = [d for d in received if d["conversation_id"] == str(group)]
        assert [d["body"] for d in mine] == [str(n) for n in range(k, 80, 8)]
        assert [d["seq"] for d in mine] == [*range(1, 11)]
    settings.IM_CENTERS = 1
    devices.empty_queues()


def test_more_than_a_hundred_at_once_are_thrown_out(center: Running, sign_in: SignIn) -> None:
    group, ann = conversation(ANN, BOB), sign_in(ANN)
    time.sleep(3)  # the center knows by now that nothing waits
    for n in range(180):
        ann.text(group, client_msg_id=f"m-{n}")
    refused = ann.wait("msg_refused", 1)
    assert refused[0]["code"] == "rate"
    eventually(lambda: len(ann.of("msg_ack")) >= 100)
    time.sleep(1)
    assert 100 <= len(ann.of("msg_ack")) < 180
    assert Entry.objects.filter(conversation=group).count() == len(ann.of("msg_ack"))


@pytest.mark.parametrize(("flooder", "nameless"), [(CEM, False), (DAN, True)])
def test_one_who_floods_is_put_out_and_others_lose_nothing(
    center: Running, sign_in: SignIn, flooder: str, nameless: bool
) -> None:
    loud, group = conversation(flooder, BOB), conversation(ANN, BOB)
    ann, bob, device = sign_in(ANN), sign_in(BOB), sign_in(flooder)
    time.sleep(3)
    flood = threading.Thread(target=_flood, args=(device, loud, nameless), daemon=True)
    flood.start()
    count = 0
    while flood.is_alive():
        ann.text(group, client_msg_id=f"m-{count}")
        count += 1
        flood.join(0.1)
    assert count < 100, "he is out soon (within 2 s where nothing else is done)"
    assert presence_store.blocked_flooders(time.time()).keys() == {flooder}
    eventually(lambda: len({d["client_msg_id"] for d in ann.of("msg_ack")}) == count)
    mine = [d["seq"] for d in bob.of("msg") if d["conversation_id"] == str(group)]
    assert mine == [*range(1, count + 1)]


def _flood(cem: Device, loud: int, nameless: bool) -> None:
    """Send as fast as possible until the center disconnects the sender."""
    send = partial(cem.text, loud, "x")
    if nameless:
        send = partial(cem.publish, b"{}", f"c_{loud}", user_id=None)
    cem.channel = cem.connection.channel()  # one without confirms
    with suppress(pika.exceptions.AMQPError, OSError):
        while True:
            for _ in range(200):
                send()
            cem.connection.process_data_events(0)
