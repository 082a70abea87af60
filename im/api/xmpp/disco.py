"""The module answers what our addresses are and can do (XEP-0030)."""

from __future__ import annotations

from xml.etree.ElementTree import Element

from im.api.xmpp import rooms
from im.api.xmpp.person import Person, Session
from im.rules.xmpp import stanzas
from im.rules.xmpp.addresses import Jid
from im.rules.xmpp.stanzas import DISCO_INFO, DISCO_ITEMS, element

SERVER = (DISCO_INFO, DISCO_ITEMS, stanzas.CARBONS, stanzas.PING, stanzas.ROSTER)
ACCOUNT = (DISCO_INFO, DISCO_ITEMS, stanzas.MAM, stanzas.STANZA_ID)
SERVICE = (DISCO_INFO, DISCO_ITEMS, stanzas.MUC)
ROOM = (
    DISCO_INFO,
    stanzas.MUC,
    stanzas.MAM,
    stanzas.STANZA_ID,
    "muc_membersonly",
    "muc_nonanonymous",
    "muc_persistent",
    "muc_hidden",
    "muc_unmoderated",
    "muc_unsecured",
)


async def on_info(person: Person, session: Session, node: Element, to: Jid) -> Element:
    """Answer what the address `to` is: the server, an account, the service of groups, or a group (XEP-0030).

    Raises Refused, NoAnswer.
    """
    number = person.domain.conversation_of(to)
    features: tuple[str, ...]
    if number is not None:
        conversation = await person.conversation(number)
        identity, features = ("conference", "text", conversation.name), ROOM
    elif to.domain == person.domain.groups:
        identity, features = ("conference", "text", "Groups"), SERVICE
    elif to.local:
        identity, features = ("account", "registered", ""), ACCOUNT
    else:
        identity, features = ("server", "im", ""), SERVER
    query = element(DISCO_INFO, "query")
    category, kind, name = identity
    query.append(element(DISCO_INFO, "identity", category=category, type=kind, name=name))
    query.extend(element(DISCO_INFO, "feature", var=feature) for feature in features)
    return stanzas.iq_result(node, to, query)


async def on_items(person: Person, session: Session, node: Element, to: Jid) -> Element:
    """Answer what is found at the address `to` (XEP-0030): the service of groups at the server, the groups at that.

    Raises Refused, NoAnswer.
    """
    query = element(DISCO_ITEMS, "query")
    items: list[tuple[Jid, str]] = []
    if not to.local:
        is_groups = to.domain == person.domain.groups
        groups = Jid("", person.domain.groups)
        items = await rooms.list_groups(person) if is_groups else [(groups, "Groups")]
    query.extend(element(DISCO_ITEMS, "item", jid=str(jid), name=name) for jid, name in items)
    return stanzas.iq_result(node, to, query)


async def on_ping(person: Person, session: Session, node: Element, to: Jid) -> Element:
    """Answer a client's ping (XEP-0199), whatever address it asks."""
    return stanzas.iq_result(node, to)


async def on_carbons(person: Person, session: Session, node: Element, to: Jid) -> Element:
    """Switch on or off that a client gets copies of the person's other clients' messages (XEP-0280).

    Return the answer.
    """
    command = stanzas.iq_content(node)
    session.carbons = command is not None and stanzas.name_of(command) == "enable"
    return stanzas.iq_result(node, to)
