"""The addresses (JIDs) of XMPP, and the people and conversations for which they stand.

A person is `<user id>@<domain>`, a group `<conversation id>@groups.<domain>`. People sign in with any of their sign-in
names, or with their user id, in front of the `@`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from im.rules.topology import USER

BRIDGE, GROUPS = "bridge", "groups"
"""The first labels of the two domains whose stanzas ejabberd hands to the bridge."""
LONGEST = 3071
"""No address is longer, in characters (RFC 7622)."""
_NUMBER = re.compile(r"[1-9][0-9]{0,18}")
_ESCAPED = re.compile(r"\\(20|22|26|27|2f|3a|3c|3e|40|5c)")


@dataclass(frozen=True, slots=True)
class Jid:
    """Represent an XMPP address: `local@domain/resource`, of which local and resource may be empty."""

    local: str
    domain: str
    resource: str = ""

    @property
    def bare(self) -> str:
        """Return the address without its resource."""
        return f"{self.local}@{self.domain}" if self.local else self.domain

    def __str__(self) -> str:
        """Return the whole address as text."""
        return f"{self.bare}/{self.resource}" if self.resource else self.bare


def parse(text: str) -> Jid:
    """Return the XMPP address in a text, which ejabberd has checked and normalized before."""
    bare, _, resource = text[:LONGEST].partition("/")
    local, at, domain = bare.partition("@")
    return Jid(local, domain, resource) if at else Jid("", local, resource)


def sign_in_name(local: str) -> str:
    """Return the sign-in name that the local part of an address stands for, with XEP-0106 escapes undone."""
    return _ESCAPED.sub(lambda escape: chr(int(escape[1], 16)), local)


def is_user_id(local: str) -> bool:
    """Return whether the local part has the form of a user id; a sign-in name may have it too."""
    return USER.fullmatch(local) is not None


@dataclass(frozen=True, slots=True)
class Domain:
    """Represent the XMPP domain at which the people of a site (data centre) have their addresses."""

    name: str

    @property
    def bridge(self) -> str:
        """Return the domain of the component (XEP-0114) to which ejabberd passes what clients send to people."""
        return f"{BRIDGE}.{self.name}"

    @property
    def groups(self) -> str:
        """Return the domain of the component (XEP-0114) at which groups have their addresses, as chat rooms."""
        return f"{GROUPS}.{self.name}"

    def person(self, user: str) -> Jid:
        """Return the XMPP address of the person with this user id."""
        return Jid(user, self.name)

    def room(self, conversation: int, nick: str = "") -> Jid:
        """Return the XMPP address of a group conversation, or with `nick` that of a member in it."""
        return Jid(str(conversation), self.groups, nick)

    def conversation_of(self, address: Jid) -> int | None:
        """Return the id of the group at an address; `None` if it is no group's address."""
        is_room = address.domain == self.groups and _NUMBER.fullmatch(address.local)
        return int(address.local) if is_room else None

    def as_client_wrote(self, address: Jid) -> Jid:
        """Return an address as the client has written it: ejabberd has replaced our domain by the bridge's."""
        return (
            Jid(address.local, self.name, address.resource)
            if address.domain == self.bridge
            else address
        )
