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
    """Return how a client is told of a refusal of the API or of the message center."""
    if error.code in _HTTP_FAULTS:
        return _HTTP_FAULTS[error.code]
    known = error.code in Code._value2member_map_
    return messages.FAULTS[Code(error.code)] if known else Fault.UNAVAILABLE


# ---- from clients -------------------------------------------------------------------------------


async def on_message(person: Person, session: Session, node: Element, to: Jid) -> None:
    """Hand a client's message to the message center. Raises Refused, NoAnswer."""
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
    await _do(person, session, node, to, conversation, command)


async def _do(
    person: Person,
    session: Session,
    node: Element,
    to: Jid,
    conversation: Conversation,
    command: Command,
) -> None:
    """Do what a message asks for in a conversation. Raises Refused, NoAnswer."""
    link, number = person.link, conversation.number
    if command.cmd is Cmd.TYPING:
        await link.tell(Cmd.TYPING, number, {})
        return
    data = dict(command.data)
    if command.target:
        place = await _place_of(person, number, command.target)
        if command.cmd is Cmd.READ:
            seq = int(place.partition(".")[2])
            await link.call("PUT", f"conversations/{number}/read", {"seq": seq})
            return
        data["reply_to" if command.cmd is Cmd.MSG else "msg_id"] = place
    key = command.client_msg_id or uuid4().hex
    if command.cmd is Cmd.REACT and not await _replace_reaction(person, conversation, key, data):
        return
    data["publisher_id"] = person.user
    session.sent.keep(key, "")
    future = await link.publish(command.cmd, number, key, data)
    person.tasks.spawn(_answer(person, session, node, to, key, command, future))


async def _replace_reaction(
    person: Person, conversation: Conversation, key: str, data: Data
) -> bool:
    """Take back the person's earlier reaction, which the new one replaces; return whether there is a new one."""
    place, emoji = data["msg_id"], data["emoji"]
    earlier = person.reactions.pop(place, "")
    if earlier and earlier != emoji:
        off = {"msg_id": place, "emoji": earlier, "on": False}
        await person.link.tell(Cmd.REACT, conversation.number, off)
    if emoji:
        person.reactions.keep(place, emoji)
    return bool(emoji)


async def _place_of(person: Person, number: int, target: str) -> str:
    """Return the msg_id of a message that a client names by its place, or by its own id. Raises Refused, NoAnswer."""
    if messages.is_msg_id(target):
        return target
    if target not in person.places:
        path = f"conversations/{number}/trace?client_msg_id={target}"
        answer = await person.link.call("GET", path)
        if not answer["accepted"]:
            raise Refused(Code.UNKNOWN_MESSAGE, "there is no such message")
        person.places.keep(target, str(answer["msg_id"]))
    return person.places[target]


async def _answer(
    person: Person,
    session: Session,
    node: Element,
    to: Jid,
    key: str,
    command: Command,
    future: asyncio.Future[Data],
) -> None:
    """Tell the client what the message center has answered: a receipt once the message is stored, or an error."""
    try:
        data = await person.link.answer(future)
    except Refused as error:
        person.send(stanzas.error_answer(node, to, fault_of(error), error.words))
    except NoAnswer as error:
        person.send(stanzas.error_answer(node, to, Fault.AWAY, str(error)))
    else:
        person.places.keep(key, str(data["msg_id"]))
        if command.wants_receipt and not person.domain.conversation_of(to):
            person.send(messages.receipt(to, session.jid, node.get("id", "")))


# ---- to clients ---------------------------------------------------------------------------------


async def connect(person: Person) -> None:
    """Learn of all conversations when the link has come up; show what came while it was down."""
    again = bool(person.conversations)
    async for shown in person.listed("conversations", "conversations"):
        is_new = int(shown["conversation_id"]) not in person.conversations
        person.take(shown, begin=is_new and not again)
    while again:
        seqs = {str(n): known.order.last for n, known in person.conversations.items()}
        answer = await person.link.call("POST", "offline", {"seqs": seqs, "count": 500})
        for part in answer["conversations"]:
            conversation = await person.conversation(int(part["conversation_id"]))
            page = (part["from_seq"], part["to_seq"], part["entries"])
            for entry in conversation.order.add_page(*page):
                show(person, conversation, entry, delayed=True)
        again = answer["more"]


async def on_pushed(person: Person, message: Data) -> None:
    """Show a message that the broker has pushed: an entry of a log, or that somebody is typing."""
    data = message["data"]
    number = int(data["conversation_id"])
    is_new = number not in person.conversations
    conversation = await person.conversation(number)
    if "seq" not in data:
        show_typing(person, conversation, data)
        return
    if is_new:
        conversation.order.begin(data["seq"] - 1)
    for entry in conversation.order.add(message):
        show(person, conversation, entry)
    if conversation.order.has_gap:
        person.tasks.spawn(_fill_gap(person, conversation))


async def _fill_gap(person: Person, conversation: Conversation) -> None:
    """Fetch the entries that are missing in a log, unless they come meanwhile."""
    await asyncio.sleep(GAP_SECONDS)
    order = conversation.order
    while order.has_gap:
        path = f"conversations/{conversation.number}/messages?after={order.last}&count=100"
        page = await person.link.call("GET", path)
        for entry in order.add_page(page["from_seq"], page["to_seq"], page["entries"]):
            show(person, conversation, entry)


def show(person: Person, conversation: Conversation, entry: Data, *, delayed: bool = False) -> None:
    """Show an entry of a log to all clients of the person that want it."""
    if conversation.is_direct:
        for session in person.available:
            _show_direct(person, session, conversation, entry, delayed)
    else:
        rooms.show(person, conversation, entry, delayed=delayed)


def _show_direct(
    person: Person, session: Session, conversation: Conversation, entry: Data, delayed: bool
) -> None:
    """Show an entry of a one-to-one conversation; of the person's own, other clients get a copy (XEP-0280)."""
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
    """Show that somebody is typing."""
    if data.get("user_id") == person.user:
        return
    for session in person.available:
        if conversation.is_direct:
            other = person.domain.person(conversation.user)
            person.send(messages.typing(other, session.jid, "chat"))
