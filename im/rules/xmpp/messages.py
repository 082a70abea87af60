"""Messages between people: from stanzas to the commands of docs/im.md, and from entries of a log to stanzas."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element

from im.rules.messages import Data
from im.rules.vocabulary import Cmd, Code
from im.rules.xmpp import stanzas
from im.rules.xmpp.addresses import Jid
from im.rules.xmpp.stanzas import Fault, element

_ID = re.compile(r"[!-~]{1,64}")
_PLACE = re.compile(r"[1-9][0-9]{0,18}\.[1-9][0-9]{0,18}")

FAULTS = {
    Code.NOT_MEMBER: Fault.NOT_FOUND,
    Code.UNKNOWN_MESSAGE: Fault.NOT_FOUND,
    Code.MISMATCH: Fault.NOT_FOUND,
    Code.MUTED: Fault.FORBIDDEN,
    Code.NOT_SENDER: Fault.FORBIDDEN,
    Code.CLOSED: Fault.GONE,
    Code.TOO_LATE: Fault.GONE,
    Code.BAD_JSON: Fault.BAD,
    Code.UNKNOWN_CMD: Fault.BAD,
    Code.TOO_LARGE: Fault.TOO_LARGE,
    Code.BAD_TOKEN: Fault.NOT_SIGNED_IN,
    Code.RATE: Fault.WAIT,
}
"""The module tells a client of a refusal of the message center."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command is what a message stanza asks the message center for.

    `client_msg_id` is empty for commands that are not repeated. `target` is the id of the message that is changed or
    answered, as the client knows it: a `msg_id`, or the id that the client itself gave. `data` lacks what only the
    bridge knows: conversation, sender, and the target's msg_id.
    """

    cmd: Cmd
    client_msg_id: str = ""
    target: str = ""
    data: Data = field(default_factory=dict)
    wants_receipt: bool = False


def client_msg_id(node: Element) -> str:
    """Return the id under which the message center knows a client's message; "" if the message has none.

    It is the id that the sender has made unique (XEP-0359), else the stanza's id. One that the message center would
    refuse is replaced by its digest: the same again is the same message.
    """
    origin = stanzas.child(node, stanzas.STANZA_ID, "origin-id")
    name = (origin.get("id") if origin is not None else None) or node.get("id") or ""
    return name if not name or _ID.fullmatch(name) else hashlib.sha256(name.encode()).hexdigest()


def is_msg_id(text: str) -> bool:
    """Return whether a text has the form of a `msg_id`: `<conversation>.<seq>`."""
    return _PLACE.fullmatch(text) is not None


def command_of(node: Element) -> Command | None:
    """Return the command of a message from a client; `None` if the message asks for nothing that we know."""
    key, body = client_msg_id(node), stanzas.text_of(node, "body")
    wants_receipt = stanzas.child(node, stanzas.RECEIPTS, "request") is not None
    for namespace, name, part in stanzas.contents(node):
        reader = _READERS.get((namespace, name))
        if reader is not None:
            command = reader(key, part, body)
            if command is not None:
                return command
    if body:
        return Command(Cmd.MSG, key, _replied(node), {"type": "text", "body": body}, wants_receipt)
    return None


def _replied(node: Element) -> str:
    reply = stanzas.child(node, stanzas.REPLY, "reply")
    return "" if reply is None else reply.get("id", "")


def _corrected(key: str, part: Element, body: str) -> Command | None:
    return Command(Cmd.EDIT, key, part.get("id", ""), {"body": body}) if body else None


def _retracted(key: str, part: Element, body: str) -> Command | None:
    return Command(Cmd.RECALL, key, part.get("id", ""))


def _reacted(key: str, part: Element, body: str) -> Command | None:
    """Return the last of the emojis; without any, the reaction is taken back by the bridge, which knows which it was."""
    emojis = [reaction.text or "" for reaction in part]
    return Command(Cmd.REACT, key, part.get("id", ""), {"emoji": emojis[-1] if emojis else ""})


def _displayed(key: str, part: Element, body: str) -> Command | None:
    return Command(Cmd.READ, target=part.get("id", ""))


def _composing(key: str, part: Element, body: str) -> Command | None:
    return None if body else Command(Cmd.TYPING)


_READERS: dict[tuple[str, str], Callable[[str, Element, str], Command | None]] = {
    (stanzas.CORRECT, "replace"): _corrected,
    (stanzas.RETRACT, "retract"): _retracted,
    (stanzas.REACTIONS, "reactions"): _reacted,
    (stanzas.MARKERS, "displayed"): _displayed,
    (stanzas.STATES, "composing"): _composing,
}


# ---- to clients ---------------------------------------------------------------------------------


def body_of(data: Data, site: str) -> str:
    """Return the text of a message as a client of XMPP shows it; a file is a link to the chat page of the site."""
    if data.get("recalled_seq"):
        return ""
    text = str(data.get("body") or "")
    file = data.get("file")
    if not isinstance(file, dict):
        return text
    return f"{text or file.get('name', '')}\n{site}{file.get('url', '')}".strip()


def entry_stanza(
    entry: Data,
    kind: str,
    sender: Jid,
    receiver: Jid,
    site: str,
    *,
    key: str,
    by: Jid,
    delayed: bool = False,
) -> Element | None:
    """Return the message that shows an entry of a log; `None` if clients of XMPP are not shown it.

    `kind` is `chat` or `groupchat`; `key` is the id for this receiver; `by` is the address whose archive has the entry.
    """
    cmd, data = entry["cmd"], entry["data"]
    writer = _WRITERS.get(cmd)
    parts = writer(data, site) if writer and not data.get("hidden") else []
    if not parts:
        return None
    node = stanzas.stanza("message", sender, receiver, kind, key)
    node.extend(parts)
    node.append(element(stanzas.STANZA_ID, "stanza-id", id=place(data), by=by.bare))
    if delayed:
        node.append(element(stanzas.DELAY, "delay", stamp=data["sent_at"]))
    return node


def place(data: Data) -> str:
    """Return the place of an entry, by which archives name it: `<conversation>.<seq>` of the entry itself."""
    return f"{data['conversation_id']}.{data['seq']}"


def _said(data: Data, site: str) -> list[Element]:
    """Return the parts of a new message; none if it was taken back."""
    body = body_of(data, site)
    if not body:
        return []
    parts = [element(stanzas.STREAM, "body", body), element(stanzas.MARKERS, "markable")]
    if data.get("reply_to"):
        parts.append(element(stanzas.REPLY, "reply", id=str(data["reply_to"])))
    return parts


def _edited(data: Data, site: str) -> list[Element]:
    body = element(stanzas.STREAM, "body", str(data.get("body") or ""))
    return [body, element(stanzas.CORRECT, "replace", id=data["msg_id"])] if body.text else []


def _recalled(data: Data, site: str) -> list[Element]:
    return [
        element(stanzas.RETRACT, "retract", id=data["msg_id"]),
        element(stanzas.HINTS, "store"),
    ]


def _reacted_to(data: Data, site: str) -> list[Element]:
    reactions = element(stanzas.REACTIONS, "reactions", id=data["msg_id"])
    if data.get("on"):
        reactions.append(element(stanzas.REACTIONS, "reaction", str(data.get("emoji", ""))))
    return [reactions, element(stanzas.HINTS, "store")]


def _read_to(data: Data, site: str) -> list[Element]:
    read = f"{data['conversation_id']}.{data['read_seq']}"
    return [element(stanzas.MARKERS, "displayed", id=read)]


_WRITERS: dict[str, Callable[[Data, str], list[Element]]] = {
    Cmd.MSG: _said,
    Cmd.EDIT: _edited,
    Cmd.RECALL: _recalled,
    Cmd.REACT: _reacted_to,
    Cmd.READ: _read_to,
}


def receipt(sender: Jid, receiver: Jid, key: str) -> Element:
    """Return the receipt (XEP-0184) that tells a sender that the message `key` is stored."""
    node = stanzas.stanza("message", sender, receiver, "chat")
    node.append(element(stanzas.RECEIPTS, "received", id=key))
    return node


def typing(sender: Jid, receiver: Jid, kind: str) -> Element:
    """Return the notice that somebody is typing."""
    node = stanzas.stanza("message", sender, receiver, kind)
    node.append(element(stanzas.STATES, "composing"))
    return node


def carbon(own: Jid, receiver: Jid, sent: Element) -> Element:
    """Return the copy (XEP-0280) of a message that the person has sent with another device."""
    node = stanzas.stanza("message", own, receiver, sent.get("type", ""))
    node.append(wrapped := element(stanzas.CARBONS, "sent"))
    wrapped.append(forwarded(sent))
    return node


def forwarded(message: Element, sent_at: str = "") -> Element:
    """Return a message inside of another one, as a client would have got it."""
    node = element(stanzas.FORWARD, "forwarded")
    if sent_at:
        node.append(element(stanzas.DELAY, "delay", stamp=sent_at))
    node.append(_as_client(message))
    return node


def _as_client(node: Element) -> Element:
    """Return a copy of a stanza in the namespace of clients' streams."""
    namespace = stanzas.namespace_of(node)
    wanted = stanzas.CLIENT if namespace == stanzas.STREAM else namespace
    copy = Element(f"{{{wanted}}}{stanzas.name_of(node)}", node.attrib)
    copy.text = node.text
    copy.extend(_as_client(part) for part in node)
    return copy
