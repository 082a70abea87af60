"""People with clients of XMPP chat with people in a browser and over MQTT; slixmpp is the client of XMPP."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from slixmpp import JID
from slixmpp.exceptions import PresenceError

from deploy.stand.ejabberd import Ejabberd
from deploy.stand.site import Site
from im.conformance.device import Device
from im.conformance.person import Person
from tests.im.killed import PASSWORD
from tests.im.xmpp import XmppPerson, xmpp_server

pytestmark = pytest.mark.xdist_group("im")


@pytest.fixture(scope="module")
def xmpp(chat_site: Site) -> Iterator[Ejabberd]:
    """Run an XMPP server beside the site of the group."""
    with xmpp_server(chat_site) as server:
        yield server


@pytest.fixture(scope="module")
def dora(xmpp: Ejabberd) -> Iterator[XmppPerson]:
    """Return dora with a client of XMPP."""
    person = XmppPerson(xmpp, "dora", PASSWORD)
    yield person
    person.close()


@pytest.fixture(scope="module")
def emil(chat_site: Site) -> Iterator[Device]:
    """Return emil, who listens over MQTT."""
    device = Device(Person(chat_site.http, "emil", PASSWORD), "mqtt")
    device.wait(lambda: device.connected)
    yield device
    device.close()


def heard(device: Device, body: str) -> list[str]:
    """Return the conversations in which a device has got this text."""
    return [
        entry["data"]["conversation_id"]
        for entry in list(device.shown)
        if entry["data"].get("body") == body
    ]


def test_a_wrong_password_does_not_sign_in_and_a_token_does(
    xmpp: Ejabberd, chat_site: Site
) -> None:
    person = XmppPerson(xmpp, "fay", "wrong")
    assert person.failed
    person.close()
    fay = Person(chat_site.http, "fay", PASSWORD)
    for name, is_let_in in ((fay.id, True), ("dora", False)):
        person = XmppPerson(xmpp, name, fay.me["token"])
        assert person.failed is not is_let_in
        person.close()


def test_a_client_of_xmpp_chats_with_somebody_over_mqtt(dora: XmppPerson, emil: Device) -> None:
    key = dora.say(dora.address(emil.person.id), "hello emil")
    emil.wait(lambda: heard(emil, "hello emil"))
    dora.wait(lambda: key in dora.receipts())
    emil.text(heard(emil, "hello emil")[0], "hello dora")
    dora.wait(lambda: (dora.address(emil.person.id), "hello dora") in dora.messages())


def test_the_same_message_again_is_stored_once_and_acknowledged_again(
    dora: XmppPerson, emil: Device
) -> None:
    key = dora.say(dora.address(emil.person.id), "only once")
    dora.wait(lambda: key in dora.receipts())
    dora.say(dora.address(emil.person.id), "only once", key=key)
    dora.wait(lambda: dora.receipts().count(key) == 2)
    last = dora.say(dora.address(emil.person.id), "the last one")
    dora.wait(lambda: last in dora.receipts())
    emil.wait(lambda: heard(emil, "the last one"))
    assert len(heard(emil, "only once")) == 1


def test_nobody_is_reached_but_by_the_message_center(dora: XmppPerson, xmpp: Ejabberd) -> None:
    stranger = "00000000-0000-4000-8000-000000000000"
    for to, body, condition in (
        (dora.address(stranger), "hello?", "item-not-found"),
        ("somebody@elsewhere.example", "hello?", "forbidden"),
        (dora.address("emil"), "x" * 9000, "policy-violation"),
    ):
        key = dora.say(to, body)
        dora.wait(lambda key=key, condition=condition: condition in dora.errors(key))  # type: ignore[misc]  # bound


def test_a_group_is_a_room(dora: XmppPerson, emil: Device, chat_site: Site) -> None:
    me = Person(chat_site.http, "dora", PASSWORD).id
    number = emil.person.group("Garden", [me])
    room = f"{number}@groups.{dora.server.domain}"
    assert room in dora.rooms()
    dora.enter(room)
    dora.say(room, "hello all", kind="groupchat")
    emil.wait(lambda: heard(emil, "hello all") == [number])
    emil.text(number, "welcome")
    dora.wait(lambda: (f"{room}/emil", "welcome") in dora.messages("groupchat"))
    assert (f"{room}/dora", "hello all") in dora.messages("groupchat")
    assert [body for _, body in dora.history(JID(room))] == ["hello all", "welcome"]
    foreign = emil.person.group("Without dora", [])
    with pytest.raises(PresenceError) as refused:
        dora.enter(f"{foreign}@groups.{dora.server.domain}")
    assert refused.value.condition == "item-not-found"


def test_contacts_see_each_others_presence(dora: XmppPerson, emil: Device, chat_site: Site) -> None:
    other, me = dora.address(emil.person.id), Person(chat_site.http, "dora", PASSWORD).id
    emil.person.call("DELETE", f"contacts/{me}")
    dora.wait(lambda: other not in dora.contacts())
    dora.send(lambda: dora.client.send_presence(pto=other, ptype="subscribe"))
    dora.wait(lambda: dora.contacts().get(other) == "none")
    emil.person.call("PATCH", f"contacts/{me}", {"state": "friend"})
    emil.person.call("PUT", "presence", {"state": "away"})
    dora.wait(lambda: dora.shown_state(other) == "away")
    emil.person.call("PUT", "presence", {"state": "online"})
    dora.wait(lambda: dora.shown_state(other) == "online")
    dora.send(lambda: dora.client.send_presence(pshow="dnd"))
    emil.wait(lambda: emil.person.call("GET", "presence")["contacts"].get(me) == "busy")
    assert dora.contacts()[other] == "both"


def test_history_is_what_was_stored(dora: XmppPerson, emil: Device) -> None:
    other, texts = dora.address(emil.person.id), [f"to remember {n}" for n in range(5)]
    for text in texts:
        key = dora.say(other, text)
    dora.wait(lambda: key in dora.receipts())
    with_emil = dora.history(None, partner=other)
    assert [body for _, body in with_emil if body in texts] == texts
    places = [place for place, _ in dora.history(None)]
    assert len(places) == len(set(places))
    assert {place for place, _ in with_emil} <= set(places)


def test_messages_sent_at_once_keep_their_order(dora: XmppPerson, emil: Device) -> None:
    there, back = ([f"{way} {n}" for n in range(30)] for way in ("there", "back"))
    dora.say_at_once(dora.address(emil.person.id), there)
    emil.wait(lambda: all(heard(emil, body) for body in there))
    shown = [entry["data"].get("body") for entry in emil.shown]
    assert [body for body in shown if body in there] == there
    for body in back:
        emil.text(heard(emil, there[0])[0], body)
    dora.wait(lambda: set(back) <= {body for _, body in dora.messages()})
    assert [body for _, body in dora.messages() if body in back] == back


def test_what_one_client_sends_the_others_show(
    dora: XmppPerson, emil: Device, xmpp: Ejabberd
) -> None:
    second = XmppPerson(xmpp, "dora", PASSWORD, resource="second")
    second.copy()
    dora.say(dora.address(emil.person.id), "seen by both")
    second.wait(lambda: "seen by both" in second.copies())
    second.close()
