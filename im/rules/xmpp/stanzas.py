"""Stanzas as trees of elements: how they are read, and how answers, errors and presences are built.

An element's tag is `{namespace}name`, as in `xml.etree`.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from xml.etree.ElementTree import Element

from im.rules.vocabulary import Presence
from im.rules.xmpp.addresses import Jid

STREAM = "jabber:component:accept"
"""The namespace of stanzas between ejabberd and a component."""
CLIENT = "jabber:client"
"""The namespace of a stanza that is forwarded inside another one."""
ERRORS = "urn:ietf:params:xml:ns:xmpp-stanzas"
DISCO_INFO = "http://jabber.org/protocol/disco#info"
DISCO_ITEMS = "http://jabber.org/protocol/disco#items"
ROSTER = "jabber:iq:roster"
CARBONS = "urn:xmpp:carbons:2"
FORWARD = "urn:xmpp:forward:0"
DELAY = "urn:xmpp:delay"
PING = "urn:xmpp:ping"
STANZA_ID = "urn:xmpp:sid:0"
RECEIPTS = "urn:xmpp:receipts"
MARKERS = "urn:xmpp:chat-markers:0"
STATES = "http://jabber.org/protocol/chatstates"
CORRECT = "urn:xmpp:message-correct:0"
RETRACT = "urn:xmpp:message-retract:1"
REACTIONS = "urn:xmpp:reactions:0"
REPLY = "urn:xmpp:reply:0"
HINTS = "urn:xmpp:hints"
OOB = "jabber:x:oob"
MUC = "http://jabber.org/protocol/muc"
MUC_USER = "http://jabber.org/protocol/muc#user"
MAM = "urn:xmpp:mam:2"
RSM = "http://jabber.org/protocol/rsm"
FORMS = "jabber:x:data"
SESSION = "urn:confplatform:session"
"""The namespace of the request to ejabberd to end a person's sessions (deploy/ejabberd)."""


class Fault(Enum):
    """A reason for an error stanza: its type and condition (RFC 6120 §8.3)."""

    NOT_FOUND = ("cancel", "item-not-found")
    FORBIDDEN = ("auth", "forbidden")
    GONE = ("cancel", "not-allowed")
    BAD = ("modify", "bad-request")
    TOO_LARGE = ("modify", "policy-violation")
    NOT_SIGNED_IN = ("auth", "not-authorized")
    WAIT = ("wait", "resource-constraint")
    AWAY = ("wait", "remote-server-timeout")
    UNSUPPORTED = ("cancel", "feature-not-implemented")
    UNAVAILABLE = ("cancel", "service-unavailable")


def element(namespace: str, name: str, text: str = "", /, **attributes: str) -> Element:
    """Return an XML element with a text and attributes; attributes with an empty value are left out."""
    node = Element(f"{{{namespace}}}{name}", {k: v for k, v in attributes.items() if v})
    node.text = text or None
    return node


def stanza(
    name: str, sender: Jid | str, receiver: Jid | str, kind: str = "", key: str = ""
) -> Element:
    """Return a stanza (`message`, `presence` or `iq`) without content; `kind` is its type, `key` its id."""
    node = element(STREAM, name, type=kind, id=key)
    node.set("from", str(sender))
    node.set("to", str(receiver))
    return node


def name_of(node: Element) -> str:
    """Return an element's name without its namespace."""
    return str(node.tag).rpartition("}")[2]


def namespace_of(node: Element) -> str:
    """Return an element's namespace; "" if it has none."""
    return str(node.tag)[1:].rpartition("}")[0]


def child(node: Element, namespace: str, name: str) -> Element | None:
    """Return an element's first child with this namespace and name; `None` if it has none."""
    return node.find(f"{{{namespace}}}{name}")


def text_of(node: Element, name: str) -> str:
    """Return the text of a stanza's child with this name, such as its body; "" if it has none."""
    for namespace in (STREAM, CLIENT):
        element_with_name = child(node, namespace, name)
        if element_with_name is not None:
            return element_with_name.text or ""
    return ""


def iq_content(node: Element) -> Element | None:
    """Return the element that says what a request (IQ) asks for; `None` for an empty request."""
    return next((part for part in node if name_of(part) != "error"), None)


def children(node: Element) -> Iterator[tuple[str, str, Element]]:
    """Yield `(namespace, name, element)` for each child of an element."""
    for part in node:
        yield namespace_of(part), name_of(part), part


def iq_result(request: Element, sender: Jid, content: Element | None = None) -> Element:
    """Return the answer to a request (IQ); `sender` is the address to which the client sent the request."""
    answer = stanza("iq", sender, request.get("from", ""), "result", request.get("id", ""))
    if content is not None:
        answer.append(content)
    return answer


def error_answer(request: Element, sender: Jid, fault: Fault, words: str = "") -> Element:
    """Return the error stanza that answers a client's stanza; `words` say why, for people.

    `sender` is the address to which the client sent its stanza, `fault` the condition of XMPP.
    """
    kind, condition = fault.value
    answer = stanza(
        name_of(request), sender, request.get("from", ""), "error", request.get("id", "")
    )
    if (entering := child(request, MUC, "x")) is not None:
        answer.append(entering)  # by it clients know that they may not enter the room
    error = element(STREAM, "error", type=kind)
    error.append(element(ERRORS, condition))
    if words:
        error.append(element(ERRORS, "text", words))
    answer.append(error)
    return answer


def end_session(component: str, domain: str, address: Jid, key: str) -> Element:
    """Return the request to ejabberd to end the session of an address or, for a bare one, all of its person.

    `component` is the sender, a component of ejabberd's; `key` is the request's id.
    """
    node = stanza("iq", component, domain, "set", key)
    node.append(element(SESSION, "end", user=address.local, resource=address.resource))
    return node


_SHOWN = {Presence.AWAY: "away", Presence.BUSY: "dnd"}
_CHOSEN = {"": Presence.ONLINE, "chat": Presence.ONLINE, "dnd": Presence.BUSY}


def presence(sender: Jid, receiver: Jid, state: str) -> Element:
    """Return the presence stanza that shows `receiver` the state (`online`, `away`, ...) of the contact `sender`."""
    is_gone = state in (Presence.OFFLINE, Presence.INVISIBLE)
    node = stanza("presence", sender, receiver, "unavailable" if is_gone else "")
    if state in _SHOWN:
        node.append(element(STREAM, "show", _SHOWN[Presence(state)]))
    return node


def chosen_state(node: Element) -> Presence:
    """Return the state (ONLINE, AWAY, BUSY) that a client's own presence stanza asks to show to others."""
    return _CHOSEN.get(text_of(node, "show"), Presence.AWAY)
