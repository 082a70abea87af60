"""Contacts as a roster of XMPP (RFC 6121), and the presence of people."""

from __future__ import annotations

from xml.etree.ElementTree import Element

from im.api.xmpp.link import Refused
from im.api.xmpp.person import Person, Session
from im.rules.messages import Data
from im.rules.vocabulary import Presence
from im.rules.xmpp import addresses, stanzas
from im.rules.xmpp import roster as rules
from im.rules.xmpp.addresses import Jid

MOST_NAME_CHARS = 64
"""The length of the longest note about a contact."""


async def on_get(person: Person, session: Session, node: Element, to: Jid) -> Element:
    """Answer a request for the roster with all contacts of the person. Raises Refused, NoAnswer."""
    query = stanzas.element(stanzas.ROSTER, "query")
    async for contact in person.list_rows("contacts", "contacts"):
        item = rules.roster_item(person.domain, contact)
        if item is not None:
            query.append(item)
    return stanzas.iq_result(node, to, query)


async def on_set(person: Person, session: Session, node: Element, to: Jid) -> Element:
    """Rename or remove the contact in a client's request `node`, and return the answer. Raises Refused, NoAnswer.

    Contacts are added by subscriptions alone. A name is cut to MOST_NAME_CHARS.
    """
    query = stanzas.iq_content(node)
    item = None if query is None else stanzas.child(query, stanzas.ROSTER, "item")
    if item is None:
        raise Refused("malformed", "an item is expected")
    user = await person.user_of(addresses.parse(item.get("jid", "")).local)
    if item.get("subscription") == "remove":
        await person.link.call("DELETE", f"contacts/{user}")
    else:
        await _rename_contact(person, user, item.get("name", "")[:MOST_NAME_CHARS])
    return stanzas.iq_result(node, to)


async def _rename_contact(person: Person, user: str, name: str) -> None:
    """Change the name that the person gives to a contact; do nothing for a user who is no contact yet.

    Clients name a new contact first, and ask for the subscription afterwards.
    """
    try:
        await person.link.call("PATCH", f"contacts/{user}", {"name": name})
    except Refused as error:
        if error.code != "not_found":
            raise


async def on_subscription(person: Person, session: Session, node: Element, to: Jid) -> None:
    """Ask the person at the address `to` to become a contact, or accept, decline or end a contact.

    The type of the presence `node` says which. Raises Refused, NoAnswer.
    """
    user, link = await person.user_of(to.local), person.link
    match node.get("type"):
        case "subscribe":
            answer = await link.call("POST", "contacts", {"user": user})
            if answer["state"] == "friend":
                person.send(stanzas.stanza("presence", to.bare, session.own, "subscribed"))
        case "subscribed":
            try:
                await link.call("PATCH", f"contacts/{user}", {"state": "friend"})
            except Refused as error:
                if error.code != "not_found":  # a client may say so of somebody who has not asked
                    raise
        case "unsubscribe" | "unsubscribed":
            await link.call("DELETE", f"contacts/{user}")


async def on_presence(person: Person, session: Session, node: Element) -> None:
    """Set the presence that a client shows for its person; a client that comes online gets that of all contacts.

    Raises Refused, NoAnswer.
    """
    if node.get("type") == "unavailable":
        session.available = False
        return
    is_new, session.available = not session.available, True
    state = stanzas.chosen_state(node)
    if state is not session.chosen:
        session.chosen = state
        await person.link.call("PUT", "presence", {"state": state.value})
    if is_new:
        async for contact in person.list_rows("contacts", "contacts"):
            _send_contact_state(person, session, contact)


def _send_contact_state(person: Person, session: Session, contact: Data) -> None:
    """Send a client the presence of a contact, or that the contact asks for a subscription."""
    other = person.domain.person(str(contact["user_id"]))
    state = contact["presence"]
    if contact["state"] == "asked":
        person.send(stanzas.stanza("presence", other, session.own, "subscribe"))
    elif state and state != Presence.OFFLINE:
        person.send(stanzas.presence(other, session.jid, str(state)))


def on_pushed_presence(person: Person, data: Data) -> None:
    """Send the new presence of a contact, which the platform has pushed, to the person's clients.

    The person's own presence is not sent.
    """
    if data["user_id"] == person.user:
        return
    for session in person.available:
        other = person.domain.person(str(data["user_id"]))
        person.send(stanzas.presence(other, session.jid, str(data["state"])))


async def on_pushed_contact(person: Person, data: Data) -> None:
    """Send a contact that has changed to the person's clients, as a new roster item. Raises Refused, NoAnswer.

    `data` is the platform's notice.
    """
    user = str(data["user_id"])
    changed_contact: Data = {
        "user_id": user,
        "name": str(data.get("name", "")),
        "state": "",
        "presence": None,
    }
    async for contact in person.list_rows("contacts", "contacts"):
        if contact["user_id"] == user:
            changed_contact = contact
    for session in person.sessions.values():
        query = stanzas.element(stanzas.ROSTER, "query")
        query.append(
            rules.roster_item(person.domain, changed_contact)
            or rules.removal_item(person.domain, user)
        )
        push = stanzas.stanza("iq", session.own, session.jid, "set", f"r-{person.link.device}")
        push.append(query)
        person.send(push)
        if session.available:
            _send_contact_state(person, session, changed_contact)
