"""Stanzas become commands of docs/im.md, and entries of a log become stanzas."""

from __future__ import annotations

from xml.etree.ElementTree import Element

import pytest

from im.rules.messages import Data
from im.rules.vocabulary import Cmd, Code
from im.rules.xmpp import addresses, messages, stanzas
from im.rules.xmpp.addresses import Domain, Jid
from im.rules.xmpp.stanzas import Fault
from tests.unit.im.xmpp.trees import read

DOMAIN = Domain("chat.example")
DORA, EMIL = Jid("dora", "chat.example", "phone"), Jid("e-1", "chat.example")


def message(content: str, **attributes: str) -> Element:
    """Return a message as ejabberd hands it to the bridge."""
    names = " ".join(f'{name}="{value}"' for name, value in attributes.items())
    return read(f'<message xmlns="{stanzas.STREAM}" {names}>{content}</message>')


def entry(cmd: Cmd = Cmd.MSG, **more: object) -> Data:
    """Return an entry of a log as it is pushed."""
    data = {
        "conversation_id": "7",
        "seq": 3,
        "msg_id": "7.3",
        "publisher_id": "e-1",
        "publisher_name": "Emil",
        "sent_at": "2026-11-29T14:00:00.000Z",
        "type": "text",
        "body": "hello",
    }
    return {"cmd": cmd.value, "data": data | more}


def as_client_wrote(item: Data) -> Element | None:
    """Return the message that shows an entry to dora."""
    own = Jid(DORA.local, DORA.domain)
    return messages.entry_stanza(item, "chat", EMIL, DORA, "https://site", key="k", by=own)


# ---- addresses ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["dora@chat.example/phone", "chat.example", "dora@chat.example", "chat.example/x"]
)
def test_an_address_is_read_and_written_alike(text: str) -> None:
    assert str(addresses.parse(text)) == text


def test_a_resource_may_hold_any_sign() -> None:
    assert addresses.parse("a@b/c/d@e") == Jid("a", "b", "c/d@e")


def test_a_sign_in_name_may_hold_what_an_address_may_not() -> None:
    assert addresses.sign_in_name(r"anna\40example.org") == "anna@example.org"
    assert addresses.sign_in_name(r"back\5cslash") == r"back\slash"
    assert addresses.sign_in_name(r"not\escaped") == r"not\escaped"


def test_the_domain_of_the_bridge_stands_for_ours() -> None:
    assert DOMAIN.as_client_wrote(Jid("e-1", "bridge.chat.example", "x")) == Jid(
        "e-1", "chat.example", "x"
    )
    assert DOMAIN.as_client_wrote(DOMAIN.room(7)) == DOMAIN.room(7)


@pytest.mark.parametrize("local", ["", "x", "0", "07", "1" * 20, "7 "])
def test_a_group_is_a_conversation_by_its_id(local: str) -> None:
    assert DOMAIN.conversation_of(DOMAIN.room(7)) == 7
    assert DOMAIN.conversation_of(Jid(local, DOMAIN.groups)) is None
    assert DOMAIN.conversation_of(Jid("7", DOMAIN.name)) is None


# ---- from clients -------------------------------------------------------------------------------


def test_a_text_is_a_message_with_the_stanzas_id() -> None:
    command = messages.command_of(message("<body>hi</body>", id="abc"))
    assert command == messages.Command(Cmd.MSG, "abc", data={"type": "text", "body": "hi"})


def test_the_id_that_the_sender_has_made_unique_goes_before_the_stanzas() -> None:
    origin = f'<body>hi</body><origin-id xmlns="{stanzas.STANZA_ID}" id="unique"/>'
    assert messages.client_msg_id(message(origin, id="1")) == "unique"


def test_an_id_that_the_center_would_refuse_is_replaced_by_the_same_one_each_time() -> None:
    long = messages.client_msg_id(message("", id="x" * 65))
    assert len(long) == 64
    assert long == messages.client_msg_id(message("", id="x" * 65))
    assert long != messages.client_msg_id(message("", id="x" * 66))
    assert messages.client_msg_id(message("")) == ""


@pytest.mark.parametrize(
    ("content", "cmd", "target", "data"),
    [
        (
            f'<body>new</body><replace xmlns="{stanzas.CORRECT}" id="a"/>',
            Cmd.EDIT,
            "a",
            {"body": "new"},
        ),
        (f'<body>gone</body><retract xmlns="{stanzas.RETRACT}" id="7.1"/>', Cmd.RECALL, "7.1", {}),
        (
            f'<reactions xmlns="{stanzas.REACTIONS}" id="7.1"><reaction>x</reaction></reactions>',
            Cmd.REACT,
            "7.1",
            {"emoji": "x"},
        ),
        (f'<displayed xmlns="{stanzas.MARKERS}" id="7.1"/>', Cmd.READ, "7.1", {}),
        (f'<composing xmlns="{stanzas.STATES}"/>', Cmd.TYPING, "", {}),
        (
            f'<body>yes</body><reply xmlns="{stanzas.REPLY}" id="7.1"/>',
            Cmd.MSG,
            "7.1",
            {"type": "text", "body": "yes"},
        ),
    ],
)
def test_each_kind_of_message_is_a_command(content: str, cmd: Cmd, target: str, data: Data) -> None:
    command = messages.command_of(message(content, id="k"))
    assert command is not None
    assert (command.cmd, command.target, command.data) == (cmd, target, data)


@pytest.mark.parametrize(
    "content", ["", f'<active xmlns="{stanzas.STATES}"/>', '<x xmlns="urn:example:unknown"/>']
)
def test_what_we_do_not_know_asks_for_nothing(content: str) -> None:
    assert messages.command_of(message(content)) is None


def test_somebody_who_types_while_sending_sends() -> None:
    content = f'<body>hi</body><composing xmlns="{stanzas.STATES}"/>'
    command = messages.command_of(message(content))
    assert command is not None
    assert command.cmd is Cmd.MSG


def test_every_refusal_of_the_center_has_its_error() -> None:
    assert messages.FAULTS.keys() == set(Code)


# ---- to clients ---------------------------------------------------------------------------------


def test_a_message_is_shown_with_its_place_in_the_archive() -> None:
    node = as_client_wrote(entry())
    assert node is not None
    assert (node.get("from"), node.get("to")) == ("e-1@chat.example", "dora@chat.example/phone")
    assert stanzas.text_of(node, "body") == "hello"
    place = stanzas.child(node, stanzas.STANZA_ID, "stanza-id")
    assert place is not None
    assert (place.get("id"), place.get("by")) == ("7.3", "dora@chat.example")


@pytest.mark.parametrize(
    "item",
    [
        entry(hidden=True),
        entry(recalled_seq=9),
        entry(Cmd.MEMBER),
        entry(Cmd.CONVERSATION),
        entry(Cmd.EDIT, body=""),
    ],
)
def test_some_entries_are_not_shown(item: Data) -> None:
    assert as_client_wrote(item) is None


def test_changes_name_the_message_by_the_id_with_which_it_was_shown() -> None:
    for item, namespace, name in (
        (entry(Cmd.EDIT, seq=4), stanzas.CORRECT, "replace"),
        (entry(Cmd.RECALL, seq=4), stanzas.RETRACT, "retract"),
        (entry(Cmd.REACT, seq=4, emoji="x", on=True), stanzas.REACTIONS, "reactions"),
    ):
        node = as_client_wrote(item)
        assert node is not None
        change = stanzas.child(node, namespace, name)
        assert change is not None
        assert change.get("id") == "7.3"


def test_a_file_is_shown_as_a_link() -> None:
    file = {"name": "plan.pdf", "url": "/api/v1/im/files/1"}
    node = as_client_wrote(entry(body="plan.pdf", file=file))
    assert node is not None
    assert stanzas.text_of(node, "body") == "plan.pdf\nhttps://site/api/v1/im/files/1"


def test_a_copy_holds_the_message_in_the_namespace_of_clients() -> None:
    node = as_client_wrote(entry())
    assert node is not None
    copy = messages.carbon(Jid("dora", "chat.example"), DORA, node)
    inner = copy.find(f".//{{{stanzas.CLIENT}}}message/{{{stanzas.CLIENT}}}body")
    assert inner is not None
    assert inner.text == "hello"


def test_an_error_says_what_and_why() -> None:
    node = message("<body>hi</body>", id="k", **{"from": str(DORA)})
    error = stanzas.error_answer(node, EMIL, Fault.WAIT, "wait a little")
    assert (error.get("to"), error.get("from"), error.get("id")) == (str(DORA), str(EMIL), "k")
    assert error.find(f".//{{{stanzas.ERRORS}}}resource-constraint") is not None
