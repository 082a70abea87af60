"""A contact as an item of a roster (RFC 6121)."""

from __future__ import annotations

from xml.etree.ElementTree import Element

from im.rules.messages import Data
from im.rules.xmpp.addresses import Domain
from im.rules.xmpp.stanzas import ROSTER, element


def roster_item(domain: Domain, contact: Data) -> Element | None:
    """Return a contact in the form of the API as an item of an XMPP roster (list of contacts).

    `None` means that the person is no part of a roster, such as one who is blocked.
    """
    about = {"jid": domain.person(str(contact["user_id"])).bare, "name": str(contact["name"])}
    match contact["state"]:
        case "friend":
            return element(ROSTER, "item", **about, subscription="both")
        case "asking":
            return element(ROSTER, "item", **about, subscription="none", ask="subscribe")
        case _:
            return None


def removal_item(domain: Domain, user: str) -> Element:
    """Return the roster item that says that this user is no contact any more."""
    return element(ROSTER, "item", jid=domain.person(user).bare, subscription="remove")
