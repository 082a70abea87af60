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
"""Code of a refusal by the message center -> the XMPP error that tells the client of it."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command is what a client's message stanza asks the message center for, in the center's own terms.

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
    """Return the `client_msg_id`, the sender's id of a message, from its stanza; "" if the stanza has no id.

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
    """Return the command that a client's message stanza means; `None` if it asks for nothing that we know."""
    key, body = client_msg_id(node), stanzas.text_of(node, "body")
    wants_receipt = stanzas.child(node, stanzas.RECEIPTS, "request") is not None
    for namespace, name, part in stanzas.children(node):
        command_builder = _COMMANDS.get((namespace, name))
        if command_builder is not None:
            command = command_builder(key, part, body)
            if command is not None:
                return command
    if body:
        return Command(
            Cmd.MSG, key, _answered_id(node), {"type": "text", "body": body}, wants_receipt
        )
    return None


def _answered_id(node: Element) -> str:
    """Return the id of the message that this one answers (XEP-0461); "" if it answers none."""
    reply = stanzas.child(node, stanzas.REPLY, "reply")
    return "" if reply is None else reply.get("id", "")


def _edit_command(key: str, part: Element, body: str) -> Command | None:
    """Return the command to give a message a new text; `None` without a text. `part` names the message."""
    return Command(Cmd.EDIT, key, part.get("id", ""), {"body": body}) if body else None


def _recall_command(key: str, part: Element, body: str) -> Command | None:
    """Return the command to take back the message that `part` names."""
    return Command(Cmd.RECALL, key, part.get("id", ""))


def _reaction_command(key: str, part: Element, body: str) -> Command | None:
    """Return the command to react with the last of the emojis in `part` to the message that it names.

    Without any emoji the bridge, which knows the former reaction, removes that.
    """
    emojis = [reaction.text or "" for reaction in part]
    return Command(Cmd.REACT, key, part.get("id", ""), {"emoji": emojis[-1] if emojis else ""})


def _read_command(key: str, part: Element, body: str) -> Command | None:
    """Return the command to mark everything up to the message that `part` names as read."""
    return Command(Cmd.READ, target=part.get("id", ""))


def _typing_command(key: str, part: Element, body: str) -> Command | None:
    """Return the command to notify others that the person types; `None` if the stanza has a text, too."""
    return None if body else Command(Cmd.TYPING)


_COMMANDS: dict[tuple[str, str], Callable[[str, Element, str], Command | None]] = {
    (stanzas.CORRECT, "replace"): _edit_command,
    (stanzas.RETRACT, "retract"): _recall_command,
    (stanzas.REACTIONS, "reactions"): _reaction_command,
    (stanzas.MARKERS, "displayed"): _read_command,
    (stanzas.STATES, "composing"): _typing_command,
}


# ---- to clients ---------------------------------------------------------------------------------


def body_of(data: Data, site: str) -> str:
    """Return the text of a message as a client of XMPP shows it; "" for one that was taken back.

    A file is a link to the chat page of the site.
    """
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
    """Return the stanza that shows an entry of a conversation's log; `None` for one that XMPP clients are not shown.

    `entry` is in the form of the API. `kind` is `chat` or `groupchat`; `key` is the stanza's id for this receiver; `by`
    is the address whose archive has the entry; `site` begins the links to files; `delayed`: it is from the history.
    """
    cmd, data = entry["cmd"], entry["data"]
    writer = _WRITERS.get(cmd)
    parts = writer(data, site) if writer and not data.get("hidden") else []
    if not parts:
        return None
    node = stanzas.stanza("message", sender, receiver, kind, key)
    node.extend(parts)
    node.append(element(stanzas.STANZA_ID, "stanza-id", id=archive_id(data), by=by.bare))
    if delayed:
        node.append(element(stanzas.DELAY, "delay", stamp=data["sent_at"]))
    return node


def archive_id(data: Data) -> str:
    """Return the id of an entry in archives (XEP-0359 `stanza-id`): `<conversation>.<seq>` of the entry itself."""
    return f"{data['conversation_id']}.{data['seq']}"


def _message_parts(data: Data, site: str) -> list[Element]:
    """Return the child elements of the stanza for a new message; none if it was taken back."""
    body = body_of(data, site)
    if not body:
        return []
    parts = [element(stanzas.STREAM, "body", body), element(stanzas.MARKERS, "markable")]
    if data.get("reply_to"):
        parts.append(element(stanzas.REPLY, "reply", id=str(data["reply_to"])))
    return parts


def _edit_parts(data: Data, site: str) -> list[Element]:
    """Return the child elements of the stanza for a message's new text (XEP-0308); none if it was taken back."""
    body = element(stanzas.STREAM, "body", str(data.get("body") or ""))
    return [body, element(stanzas.CORRECT, "replace", id=data["msg_id"])] if body.text else []


def _recall_parts(data: Data, site: str) -> list[Element]:
    """Return the child elements of the stanza that takes a message back (XEP-0424).

    `site` has no meaning here, but all functions of `_WRITERS` have the same parameters.
    """
    return [
        element(stanzas.RETRACT, "retract", id=data["msg_id"]),
        element(stanzas.HINTS, "store"),
    ]


def _reaction_parts(data: Data, site: str) -> list[Element]:
    """Return the child elements of the stanza for a reaction (XEP-0444); without an emoji it was removed.

    `site` has no meaning here, but all functions of `_WRITERS` have the same parameters.
    """
    reactions = element(stanzas.REACTIONS, "reactions", id=data["msg_id"])
    if data.get("on"):
        reactions.append(element(stanzas.REACTIONS, "reaction", str(data.get("emoji", ""))))
    return [reactions, element(stanzas.HINTS, "store")]


def _read_mark_parts(data: Data, site: str) -> list[Element]:
    """Return the child elements of the stanza for a read mark (XEP-0333).

    `site` has no meaning here, but all functions of `_WRITERS` have the same parameters.
    """
    read = f"{data['conversation_id']}.{data['read_seq']}"
    return [element(stanzas.MARKERS, "displayed", id=read)]


_WRITERS: dict[str, Callable[[Data, str], list[Element]]] = {
    Cmd.MSG: _message_parts,
    Cmd.EDIT: _edit_parts,
    Cmd.RECALL: _recall_parts,
    Cmd.REACT: _reaction_parts,
    Cmd.READ: _read_mark_parts,
}


def receipt(sender: Jid, receiver: Jid, key: str) -> Element:
    """Return the receipt (XEP-0184) that tells a sender that the message `key` is stored."""
    node = stanzas.stanza("message", sender, receiver, "chat")
    node.append(element(stanzas.RECEIPTS, "received", id=key))
    return node


def typing(sender: Jid, receiver: Jid, kind: str) -> Element:
    """Return the message stanza (XEP-0085) that says that `sender` is typing; `kind` is its type."""
    node = stanzas.stanza("message", sender, receiver, kind)
    node.append(element(stanzas.STATES, "composing"))
    return node


def carbon(own: Jid, receiver: Jid, sent: Element) -> Element:
    """Return the copy (XEP-0280) of `sent`, a message that the same person has sent with another device.

    `own` is the person's bare address, `receiver` the device that gets the copy.
    """
    node = stanzas.stanza("message", own, receiver, sent.get("type", ""))
    node.append(wrapped := element(stanzas.CARBONS, "sent"))
    wrapped.append(forwarded(sent))
    return node


def forwarded(message: Element, sent_at: str = "") -> Element:
    """Return a message in an element `forwarded` (XEP-0297), to put it into another one.

    `sent_at` is its time, or "".
    """
    node = element(stanzas.FORWARD, "forwarded")
    if sent_at:
        node.append(element(stanzas.DELAY, "delay", stamp=sent_at))
    node.append(_as_client(message))
    return node


def _as_client(node: Element) -> Element:
    """Return a copy of a stanza in the namespace of clients' streams, instead of that between us and ejabberd."""
    namespace = stanzas.namespace_of(node)
    wanted = stanzas.CLIENT if namespace == stanzas.STREAM else namespace
    copy = Element(f"{{{wanted}}}{stanzas.name_of(node)}", node.attrib)
    copy.text = node.text
    copy.extend(_as_client(part) for part in node)
    return copy
