"""Messages of people: from their clients to the message center, and from the logs of conversations to their clients."""

from __future__ import annotations

import asyncio
import logging
from uuid import uuid4
from xml.etree.ElementTree import Element

from im.api.xmpp import rooms
from im.api.xmpp.link import NoAnswer, Refused
from im.api.xmpp.person import Conversation, Person, Session
from im.rules.messages import Data
from im.rules.vocabulary import Cmd, Code
from im.rules.xmpp import messages, stanzas
from im.rules.xmpp.addresses import Jid
from im.rules.xmpp.messages import Command
from im.rules.xmpp.stanzas import Fault

log = logging.getLogger("im.xmpp")

GAP_SECONDS = 0.5
"""A gap in a log may close by itself within this time."""
_HTTP_FAULTS = {
    "not_found": Fault.NOT_FOUND,
    "not_allowed": Fault.FORBIDDEN,
    "closed": Fault.GONE,
    "full": Fault.WAIT,
    "rate": Fault.WAIT,
    "malformed": Fault.BAD,
    "not_signed_in": Fault.NOT_SIGNED_IN,
}


def fault_of(error: Refused) -> Fault:
    """Return the XMPP error that stands for a refusal of the API or of the message center."""
    if error.code in _HTTP_FAULTS:
        return _HTTP_FAULTS[error.code]
    known = error.code in Code._value2member_map_
    return messages.FAULTS[Code(error.code)] if known else Fault.UNAVAILABLE


# ---- from clients -------------------------------------------------------------------------------


async def on_message(person: Person, session: Session, node: Element, to: Jid) -> None:
    """Carry out what a client's message stanza `node` asks for: a new message, an edit, a read mark ...

    `to` is its receiver: a person or a group. Raises Refused, NoAnswer. An error, and a stanza that asks for nothing,
    are ignored.
    """
    if node.get("type") == "error":
        return
    command = messages.command_of(node)
    number = person.domain.conversation_of(to)
    if command is None or not to.local:
        return
    if number is None:
        conversation = await person.direct_with(await person.user_of(to.local))
    else:
        if to.resource:
            raise Refused("not_allowed", "write to the person, not to the name in the group")
        conversation = await person.conversation(number)
    await _send_command(person, session, node, to, conversation, command)


async def _send_command(
    person: Person,
    session: Session,
    node: Element,
    to: Jid,
    conversation: Conversation,
    command: Command,
) -> None:
    """Send a client's command about a conversation to the platform. Raises Refused, NoAnswer.

    `node` is the stanza from which it was read, `to` the stanza's receiver: an error is answered to them later.
    """
    link, number = person.link, conversation.number
    if command.cmd is Cmd.TYPING:
        await link.publish_unanswered(Cmd.TYPING, number, {})
        return
    data = dict(command.data)
    if command.target:
        message_id = await _msg_id_of(person, number, command.target)
        if command.cmd is Cmd.READ:
            seq = int(message_id.partition(".")[2])
            await link.call("PUT", f"conversations/{number}/read", {"seq": seq})
            return
        data["reply_to" if command.cmd is Cmd.MSG else "msg_id"] = message_id
    key = command.client_msg_id or uuid4().hex
    if command.cmd is Cmd.REACT and not await _replace_reaction(person, conversation, data):
        return
    data["publisher_id"] = person.user
    session.sent.store(key, "")
    future = await link.publish(command.cmd, number, key, data)
    person.tasks.spawn(_send_answer(person, session, node, to, key, command, future))


async def _replace_reaction(person: Person, conversation: Conversation, data: Data) -> bool:
    """Remove the person's earlier reaction to a message, which the new one replaces; return whether there is a new one.

    `data` holds the message's `msg_id`, and the `emoji`, or "".
    """
    message_id, emoji = data["msg_id"], data["emoji"]
    earlier = person.reactions.pop(message_id, "")
    if earlier and earlier != emoji:
        off = {"msg_id": message_id, "emoji": earlier, "on": False}
        await person.link.publish_unanswered(Cmd.REACT, conversation.number, off)
    if emoji:
        person.reactions.store(message_id, emoji)
    return bool(emoji)


async def _msg_id_of(person: Person, number: int, target: str) -> str:
    """Return the msg_id of the message `target`, which a client names by that or by the id that it gave itself.

    `number` is the conversation's id. Raises Refused, NoAnswer.
    """
    if messages.is_msg_id(target):
        return target
    if target not in person.msg_ids:
        path = f"conversations/{number}/trace?client_msg_id={target}"
        answer = await person.link.call("GET", path)
        if not answer["accepted"]:
            raise Refused(Code.UNKNOWN_MESSAGE, "there is no such message")
        person.msg_ids.store(target, str(answer["msg_id"]))
    return person.msg_ids[target]


async def _send_answer(
    person: Person,
    session: Session,
    node: Element,
    to: Jid,
    key: str,
    command: Command,
    future: asyncio.Future[Data],
) -> None:
    """Wait for the message center's answer to a command, and send the client a receipt, if it wants one, or an error.

    `key` is the command's client_msg_id, `node` the client's stanza, `to` its receiver.
    """
    try:
        data = await person.link.wait_for_answer(future)
    except Refused as error:
        person.send(stanzas.error_answer(node, to, fault_of(error), error.words))
    except NoAnswer as error:
        person.send(stanzas.error_answer(node, to, Fault.AWAY, str(error)))
    else:
        person.msg_ids.store(key, str(data["msg_id"]))
        if command.wants_receipt and not person.domain.conversation_of(to):
            person.send(messages.receipt(to, session.jid, node.get("id", "")))


# ---- to clients ---------------------------------------------------------------------------------


async def load_conversations(person: Person) -> None:
    """Load all conversations when the person's connection has come up; show what came while it was down."""
    was_connected = bool(person.conversations)
    async for shown in person.list_rows("conversations", "conversations"):
        is_new = int(shown["conversation_id"]) not in person.conversations
        person.store_conversation(shown, begin=is_new and not was_connected)
    has_more = was_connected
    while has_more:
        seqs = {str(n): known.order.last for n, known in person.conversations.items()}
        answer = await person.link.call("POST", "offline", {"seqs": seqs, "count": 500})
        for part in answer["conversations"]:
            conversation = await person.conversation(int(part["conversation_id"]))
            page = (part["from_seq"], part["to_seq"], part["entries"])
            for entry in conversation.order.add_page(*page):
                show_entry(person, conversation, entry, delayed=True)
        has_more = answer["more"]


async def on_pushed(person: Person, message: Data) -> None:
    """Send to the person's clients what the broker has pushed: a log entry, or that somebody is typing.

    Entries are sent in order; missing ones are fetched. Of a conversation that was not known yet, earlier entries are
    not sent.
    """
    data = message["data"]
    number = int(data["conversation_id"])
    is_new = number not in person.conversations
    conversation = await person.conversation(number)
    if "seq" not in data:
        show_typing(person, conversation, data)
        return
    if is_new:  # Earlier entries are history, which a client asks for if it wants it.
        conversation.order.begin(data["seq"] - 1)
    for entry in conversation.order.add(message):
        show_entry(person, conversation, entry)
    if conversation.order.has_gap:
        person.tasks.spawn(_fill_gap(person, conversation))


async def _fill_gap(person: Person, conversation: Conversation) -> None:
    """Fetch the entries that are missing in a conversation's log, unless they come meanwhile, and show them."""
    await asyncio.sleep(GAP_SECONDS)
    order = conversation.order
    while order.has_gap:
        path = f"conversations/{conversation.number}/messages?after={order.last}&count=100"
        page = await person.link.call("GET", path)
        for entry in order.add_page(page["from_seq"], page["to_seq"], page["entries"]):
            show_entry(person, conversation, entry)


def show_entry(
    person: Person, conversation: Conversation, entry: Data, *, delayed: bool = False
) -> None:
    """Send an entry of a conversation's log to all clients of the person that want it; `delayed`: it is an old one."""
    if conversation.is_direct:
        for session in person.available:
            _send_direct_entry(person, session, conversation, entry, delayed)
    else:
        rooms.show_entry(person, conversation, entry, delayed=delayed)


def _send_direct_entry(
    person: Person, session: Session, conversation: Conversation, entry: Data, delayed: bool
) -> None:
    """Send an entry of a one-to-one conversation to one client (`session`) of the person.

    The person's own message goes, as a copy (XEP-0280), only to clients that want copies and have not sent it.
    """
    data = entry["data"]
    other = person.domain.person(conversation.user)
    is_own = data.get("publisher_id") == person.user
    if is_own and (data.get("client_msg_id") in session.sent or not session.carbons):
        return
    key = str(data.get("client_msg_id") or "") if is_own else ""
    sender, receiver = (session.own, other) if is_own else (other, session.jid)
    node = messages.entry_stanza(
        entry,
        "chat",
        sender,
        receiver,
        person.site,
        key=key or messages.archive_id(data),
        by=session.own,
        delayed=delayed,
    )
    if node is not None:
        person.send(messages.carbon(session.own, session.jid, node) if is_own else node)


def show_typing(person: Person, conversation: Conversation, data: Data) -> None:
    """Notify the person's clients that the other person of a one-to-one conversation is typing.

    In groups this is not shown, nor what the person types.
    """
    if data.get("user_id") == person.user:
        return
    for session in person.available:
        if conversation.is_direct:
            other = person.domain.person(conversation.user)
            person.send(messages.typing(other, session.jid, "chat"))
