"""People's devices and a center exchange messages through the real broker."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import orjson
import pytest
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from foundation.bus.link import PeerLink
from foundation.cells.directory import own_platform, store_of
from im.data import broker, journal, presence_store, revocations
from im.models import Conversation, Entry, Member
from im.rules.messages import DraftEntry
from im.rules.vocabulary import Cmd, Kind
from tests.im import door
from tests.im.conversations import conversation
from tests.im.devices import Device, Running
from tests.im.door import GROUP, Mqtt, eventually

pytestmark = pytest.mark.xdist_group(GROUP)
ANN, BOB, CEM = "ann-1", "bob-2", "cem-3"
SignIn = Callable[..., Device]


@pytest.fixture
def group(center: Running) -> int:
    return conversation(ANN, BOB, CEM)


@pytest.fixture
def ann(group: int, sign_in: SignIn) -> Device:
    return sign_in(ANN)


@pytest.fixture
def bob(group: int, sign_in: SignIn) -> Device:
    return sign_in(BOB)


def test_everybody_sees_the_same_messages_in_the_same_order(
    group: int, ann: Device, bob: Device
) -> None:
    for n in range(30):
        (ann, bob)[n % 2].text(group, f"text {n}", client_msg_id=f"m-{n}")
    received = [[(d["seq"], d["body"]) for d in device.wait("msg", 30)] for device in (ann, bob)]
    assert received[0] == received[1]
    assert [seq for seq, _ in received[0]] == [*range(1, 31)]
    assert sorted(body for _, body in received[0]) == sorted(f"text {n}" for n in range(30))
    rows = Entry.objects.filter(conversation=group).order_by("seq").values_list("seq", "body")
    assert list(rows) == received[0]


def test_the_sender_alone_is_told_the_place_of_his_message(
    group: int, ann: Device, bob: Device
) -> None:
    ann.text(group, client_msg_id="m-1")
    (ack,) = ann.wait("msg_ack")
    assert (ack["client_msg_id"], ack["seq"], ack["msg_id"]) == ("m-1", 1, f"{group}.1")
    assert bob.wait("msg")[0]["sent_at"] == ack["sent_at"]
    assert bob.of("msg_ack") == []


def test_the_same_message_again_has_the_same_place(group: int, ann: Device, bob: Device) -> None:
    for _ in range(3):
        ann.text(group, client_msg_id="m-1")
    assert {d["seq"] for d in ann.wait("msg_ack", 3)} == {1}
    assert {d["seq"] for d in bob.wait("msg")} == {1}
    assert Entry.objects.filter(conversation=group).count() == 1


def test_no_token_ever_reaches_another(group: int, ann: Device, bob: Device) -> None:
    ann.text(group)
    bob.wait("msg")
    assert ann.token not in str(bob.got)
    assert "token" not in bob.got[0]


def test_one_who_is_on_mqtt_hears_and_speaks_as_everybody(group: int, ann: Device) -> None:
    presence_store.record_device(BOB, "m1", "m", time.time())
    broker.ensure_user(BOB)
    bob = Mqtt(BOB)
    bob.client.subscribe(f"in/u{BOB}", qos=1)
    eventually(lambda: bool(bob.granted))
    ann.text(group, "hello bob")
    eventually(lambda: len(bob.got) == 1)
    assert orjson.loads(bob.got[0][1])["data"]["body"] == "hello bob"
    data = {"conversation_id": str(group), "publisher_id": BOB, "type": "text", "body": "hi ann"}
    body = {"cmd": "msg", "token": f"Tricolor{door.token_of(BOB)}", "data": data}
    bob.client.publish(f"out/u{BOB}", orjson.dumps(body), qos=1)
    assert ann.wait("msg", 2)[1]["body"] == "hi ann"
    eventually(lambda: len(bob.got) == 3)
    assert [orjson.loads(b)["cmd"] for _, b in bob.got] == ["msg", "msg", "msg_ack"]
    bob.close()


def test_edit_recall_reaction_and_read_mark_take_places_too(
    group: int, ann: Device, bob: Device
) -> None:
    ann.text(group, "one")
    bob.wait("msg")
    ann.say("edit", group, msg_id=f"{group}.1", body="two")
    bob.wait("edit")
    bob.say("react", group, msg_id=f"{group}.1", emoji="👍")
    bob.say("read", group, seq=2)
    ann.wait("read")
    ann.say("recall", group, msg_id=f"{group}.1")
    bob.wait("recall")
    entries = [(entry["cmd"], entry["data"]["seq"]) for entry in bob.got if "seq" in entry["data"]]
    assert entries == [("msg", 1), ("edit", 2), ("react", 3), ("read", 4), ("recall", 5)]
    assert ann.of("edit")[0]["body"] == "two"
    assert ann.of("read")[0]["read_seq"] == 2
    assert Member.objects.get(user=BOB).read_seq == 2


def test_typing_is_told_to_the_others_and_kept_nowhere(
    group: int, ann: Device, bob: Device
) -> None:
    ann.say("typing", group)
    assert bob.wait("typing") == [{"conversation_id": str(group), "user_id": ANN}]
    assert ann.of("typing") == []
    assert not Entry.objects.exists()


def test_a_heartbeat_keeps_a_device_alive_and_says_what_it_lacks(group: int, ann: Device) -> None:
    other = conversation(ANN, BOB, kind=Kind.DIRECT)
    ann.text(group)
    ann.text(other)
    ann.wait("msg_ack", 2)
    presence_store.remove_device(ANN, "d1", time.time())
    ann.say("heartbeat", seqs={str(group): 1, str(other): 0}, device="d9")
    assert ann.wait("behind") == [{str(other): 1}]
    assert presence_store.devices(ANN, time.time()) == {"d9": "a"}


def test_presence_is_kept_for_those_who_ask(group: int, ann: Device) -> None:
    ann.say("presence", state="busy")
    eventually(lambda: presence_store.presence([ANN], time.time())[ANN] == "busy")
    assert ANN in presence_store.pop_changed()


def test_who_is_offline_costs_nothing_and_finds_it_in_the_log(group: int, ann: Device) -> None:
    ann.text(group)
    ann.wait("msg_ack")
    assert presence_store.protocols_of_online([ANN, BOB], time.time()) == {ANN: "a"}
    assert Conversation.objects.get(pk=group).last_seq == 1


# ---- refusals -----------------------------------------------------------------------------------


def _refused(device: Device, number: int = 0, **data: Any) -> tuple[str, str | None]:
    device.text(number, client_msg_id="m-1", **data) if number else None
    (refusal,) = device.wait("msg_refused")
    assert device.of("msg_ack") == []
    assert refusal["reason"]
    return refusal["code"], refusal["client_msg_id"]


def test_a_message_in_a_foreign_conversation_is_refused(center: Running, sign_in: SignIn) -> None:
    assert _refused(sign_in(ANN), conversation(BOB, CEM)) == ("not_member", "m-1")


def test_a_message_of_one_who_is_muted_is_refused(group: int, bob: Device) -> None:
    until = timezone.now() + timedelta(minutes=1)
    Member.objects.filter(user=BOB).update(muted_until=until)
    assert _refused(bob, group) == ("muted", "m-1")


def test_a_message_in_a_closed_conversation_is_refused(group: int, ann: Device) -> None:
    Conversation.objects.update(closed=True)
    assert _refused(ann, group) == ("closed", "m-1")


def test_a_message_in_anothers_name_is_refused(group: int, ann: Device) -> None:
    assert _refused(ann, group, publisher_id=BOB) == ("not_sender", "m-1")


def test_a_message_with_anothers_token_is_refused(group: int, sign_in: SignIn) -> None:
    assert _refused(sign_in(ANN, token=door.token_of(BOB)), group) == ("not_sender", "m-1")


@pytest.mark.parametrize(
    "token", ["x", "WyJhbm4tMSJd:x", "é" * 600], ids=["short", "signed by others", "long"]
)
def test_a_message_with_a_forged_token_is_refused(token: str, group: int, sign_in: SignIn) -> None:
    assert _refused(sign_in(ANN, token=token), group) == ("bad_token", "m-1")


def test_a_message_with_an_expired_token_is_refused(group: int, sign_in: SignIn) -> None:
    old = door.token_of(ANN, age=13 * 3600)
    assert _refused(sign_in(ANN, token=old), group) == ("bad_token", "m-1")


def test_a_message_with_a_revoked_token_is_refused(group: int, ann: Device) -> None:
    now = int(time.time())
    revocations.share([(ANN, "", now, now + 60)], now)
    time.sleep(1.2)
    assert _refused(ann, group) == ("bad_token", "m-1")


def test_a_message_under_another_conversations_key_is_refused(group: int, ann: Device) -> None:
    ann.text(group, client_msg_id="m-1", key="c_1")
    assert _refused(ann) == ("conversation_mismatch", "m-1")


def test_a_text_of_64_kib_is_refused(group: int, ann: Device) -> None:
    found = _refused(ann, group, body="x" * 65536)
    assert found == ("too_large", "m-1")


def test_what_is_no_json_is_refused(group: int, ann: Device) -> None:
    ann.publish(b"hello", f"c_{group}")
    assert _refused(ann) == ("bad_json", None)


def test_an_unknown_cmd_is_refused(group: int, ann: Device) -> None:
    ann.say("center_start", group)
    assert _refused(ann) == ("unknown_cmd", None)


def test_an_edit_of_no_message_is_refused(group: int, ann: Device) -> None:
    ann.say("edit", group, msg_id=f"{group}.9", body="x", client_msg_id="m-1")
    assert _refused(ann) == ("unknown_message", "m-1")


def test_what_nobody_vouches_for_is_thrown_away_and_holds_nobody_up(
    group: int, ann: Device, bob: Device
) -> None:
    ann.publish(b"{}", user_id=None)
    ann.publish(b"\xff" * 10, headers={"x": 2**40})
    ann.text(group)
    assert bob.wait("msg")[0]["seq"] == 1


# ---- what is said beside ------------------------------------------------------------------------


def test_what_is_done_over_http_reaches_devices_by_the_outbox(group: int, bob: Device) -> None:
    store, now = store_of(own_platform()), timezone.now()
    link = PeerLink(store, journal.DESTINATION, settings.IM_AMQP_URL, lenient=True)
    link.start()
    with transaction.atomic():
        locked_row = journal.lock_conversations(store.database, [group])[group]
        entry = locked_row.append(DraftEntry(Cmd.MEMBER, ANN, "ANN", data={"what": "left"}), now)
        journal.save_changed(store.database, [locked_row])
        journal.stage_publications(
            store, [entry], presence_store.protocols_of_online([ANN, BOB], now.timestamp()), now
        )
    assert bob.wait("member")[0]["what"] == "left"
    link.stop()


def test_a_device_that_rejects_what_is_sent_to_it_holds_nobody_up(
    group: int, ann: Device, bob: Device
) -> None:
    full = bob.connection.channel()
    arguments = {"x-max-length": 1, "x-overflow": "reject-publish"}
    full.queue_declare(f"queue_u_{BOB}_full", exclusive=True, arguments=arguments)
    full.queue_bind(f"queue_u_{BOB}_full", f"exchange_u_{BOB}")
    for n in range(5):
        ann.text(group, client_msg_id=f"m-{n}")
        ann.wait("msg_ack", n + 1)
    assert [d["seq"] for d in ann.of("msg_ack")] == [1, 2, 3, 4, 5]


def test_the_same_reaction_again_takes_no_place(group: int, ann: Device) -> None:
    ann.text(group)
    ann.wait("msg_ack")
    for number, on in enumerate((True, True, False, False, True)):
        ann.say("react", group, msg_id=f"{group}.1", emoji="+", on=on, client_msg_id=f"r-{number}")
    seqs = {ack["client_msg_id"]: ack["seq"] for ack in ann.wait("msg_ack", 6)}
    assert [seqs[f"r-{number}"] for number in range(5)] == [2, 2, 3, 3, 4]


def test_a_message_without_the_property_user_id_is_answered_where_the_token_is_good(
    group: int, ann: Device
) -> None:
    body = {"cmd": "msg", "token": f"Tricolor{ann.token}", "data": {"client_msg_id": "m-1"}}
    ann.publish(orjson.dumps(body), f"c_{group}", user_id=None)
    ann.publish(orjson.dumps({**body, "token": "Tricolorx"}), f"c_{group}", user_id=None)
    (refused,) = ann.wait("msg_refused")
    assert (refused["code"], refused["client_msg_id"]) == ("not_sender", "m-1")
    assert "user_id" in refused["reason"]


def test_a_conversation_that_is_no_number_is_none_that_one_is_in(group: int, ann: Device) -> None:
    ann.say("typing", conversation_id="general", key="c_general", client_msg_id="m-1")
    (refused,) = ann.wait("msg_refused")
    assert (refused["code"], refused["client_msg_id"]) == ("not_member", "m-1")
