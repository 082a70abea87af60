"""A contact as an item of a roster (RFC 6121)."""

from __future__ import annotations

from xml.etree.ElementTree import Element

from im.rules.messages import Data
from im.rules.xmpp.addresses import Domain
from im.rules.xmpp.stanzas import ROSTER, element


def item(domain: Domain, contact: Data) -> Element | None:
    """Return a contact as the API shows it as an item; `None` for people who are no part of a roster."""
    about = {"jid": domain.person(str(contact["user_id"])).bare, "name": str(contact["name"])}
    match contact["state"]:
        case "friend":
            return element(ROSTER, "item", **about, subscription="both")
        case "asking":
            return element(ROSTER, "item", **about, subscription="none", ask="subscribe")
        case _:
            return None


def removed(domain: Domain, user: str) -> Element:
    """Return the item that says that somebody is no contact any more."""
    return element(ROSTER, "item", jid=domain.person(user).bare, subscription="remove")
