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


async def on_get(person: Person, session: Session, node: Element, to: Jid) -> Element:
    """Answer with all contacts. Raises Refused, NoAnswer."""
    query = stanzas.element(stanzas.ROSTER, "query")
    async for contact in person.listed("contacts", "contacts"):
        item = rules.roster_item(person.domain, contact)
        if item is not None:
            query.append(item)
    return stanzas.iq_result(node, to, query)


async def on_set(person: Person, session: Session, node: Element, to: Jid) -> Element:
    """Rename or remove a contact, as a client asks. Raises Refused, NoAnswer."""
    query = stanzas.iq_content(node)
    item = None if query is None else stanzas.child(query, stanzas.ROSTER, "item")
    if item is None:
        raise Refused("malformed", "an item is expected")
    user = await person.user_of(addresses.parse(item.get("jid", "")).local)
    if item.get("subscription") == "remove":
        await person.link.call("DELETE", f"contacts/{user}")
    else:
        await _rename(person, user, item.get("name", "")[:64])
    return stanzas.iq_result(node, to)


async def _rename(person: Person, user: str, name: str) -> None:
    """Change the person's own name for a contact; of somebody who is none yet the client asks afterwards."""
    try:
        await person.link.call("PATCH", f"contacts/{user}", {"name": name})
    except Refused as error:
        if error.code != "not_found":
            raise


async def on_subscription(person: Person, session: Session, node: Element, to: Jid) -> None:
    """Ask somebody to become a contact, accept, decline or end it. Raises Refused, NoAnswer."""
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
    """Take a client's own presence over; a client that comes is shown that of all contacts. Raises Refused, NoAnswer."""
    if node.get("type") == "unavailable":
        session.available = False
        return
    is_new, session.available = not session.available, True
    state = stanzas.chosen_state(node)
    if state is not session.chosen:
        session.chosen = state
        await person.link.call("PUT", "presence", {"state": state.value})
    if is_new:
        async for contact in person.listed("contacts", "contacts"):
            _show_contact(person, session, contact)


def _show_contact(person: Person, session: Session, contact: Data) -> None:
    """Show a client what it has to know of a contact: the presence, or that the person asks."""
    other = person.domain.person(str(contact["user_id"]))
    state = contact["presence"]
    if contact["state"] == "asked":
        person.send(stanzas.stanza("presence", other, session.own, "subscribe"))
    elif state and state != Presence.OFFLINE:
        person.send(stanzas.presence(other, session.jid, str(state)))


def on_pushed_presence(person: Person, data: Data) -> None:
    """Show the new presence of a contact."""
    if data["user_id"] == person.user:
        return
    for session in person.available:
        other = person.domain.person(str(data["user_id"]))
        person.send(stanzas.presence(other, session.jid, str(data["state"])))


async def on_pushed_contact(person: Person, data: Data) -> None:
    """Show what has become of a contact: the list anew, and that somebody asks. Raises Refused, NoAnswer."""
    user = str(data["user_id"])
    found: Data = {
        "user_id": user,
        "name": str(data.get("name", "")),
        "state": "",
        "presence": None,
    }
    async for contact in person.listed("contacts", "contacts"):
        if contact["user_id"] == user:
            found = contact
    for session in person.sessions.values():
        query = stanzas.element(stanzas.ROSTER, "query")
        query.append(
            rules.roster_item(person.domain, found) or rules.removal_item(person.domain, user)
        )
        push = stanzas.stanza("iq", session.own, session.jid, "set", f"r-{person.link.device}")
        push.append(query)
        person.send(push)
        if session.available:
            _show_contact(person, session, found)
