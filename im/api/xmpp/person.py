"""A person who is signed in over XMPP: the sessions of the person's clients, and what the bridge knows for them."""

from __future__ import annotations

import logging
import re
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from urllib.parse import quote
from xml.etree.ElementTree import Element

from im.api.xmpp.link import Link, Refused
from im.api.xmpp.tasks import Tasks
from im.conformance.log import EntryOrder
from im.rules.messages import Data
from im.rules.vocabulary import Kind, Presence
from im.rules.xmpp import addresses
from im.rules.xmpp.addresses import Domain, Jid

log = logging.getLogger("im.xmpp")

MOST_KEPT = 1000
"""So many ids of messages, names and addresses of each kind are kept for a person."""
MOST_SESSIONS = 32
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Recent(OrderedDict[str, str]):
    """A map of limited size: the oldest value goes when there are too many."""

    def store(self, key: str, value: str) -> None:
        """Store a value under a key as the newest one, and drop the oldest if there are too many."""
        self[key] = value
        self.move_to_end(key)
        if len(self) > MOST_KEPT:
            self.popitem(last=False)


@dataclass
class Session:
    """A session is one XMPP client of a person: its address, and what it has asked for.

    `rooms` are the groups that it has entered: conversation id -> the person's name there. `sent` are the ids of
    messages that this client has sent itself.
    """

    jid: Jid
    available: bool = False
    chosen: Presence = Presence.ONLINE
    carbons: bool = False
    rooms: dict[int, str] = field(default_factory=dict)
    sent: Recent = field(default_factory=Recent)

    @property
    def own(self) -> Jid:
        """Return the person's address, with the name under which this client has signed in."""
        return Jid(self.jid.local, self.jid.domain)


@dataclass
class Conversation:
    """A conversation of a person, as the bridge knows it. `user` is the other one of a one-to-one conversation."""

    number: int
    kind: str = ""
    name: str = ""
    user: str = ""
    notice: str = ""
    order: EntryOrder = field(default_factory=EntryOrder)

    def update(self, shown: Data) -> None:
        """Store what the API returns about the conversation (`shown`)."""
        self.kind, self.name = str(shown["kind"]), str(shown["name"])
        self.user, self.notice = str(shown["user_id"] or ""), str(shown["notice"])

    @property
    def is_direct(self) -> bool:
        """Return whether it is a conversation of two."""
        return self.kind == Kind.DIRECT


class Person:
    """A person who is signed in with at least one XMPP client. `site` is the URL of the site's pages."""

    def __init__(
        self, domain: Domain, site: str, link: Link, send: Callable[[Element], None]
    ) -> None:
        """Begin without sessions and conversations. `link` is the connection to the platform; `send` sends a stanza."""
        self.domain, self.site, self.link, self.send = domain, site.rstrip("/"), link, send
        self.sessions: dict[str, Session] = {}
        self.tasks = Tasks()
        self.conversations: dict[int, Conversation] = {}
        self.direct: dict[str, int] = {}
        """User id -> the one-to-one conversation with that person."""
        self.msg_ids = Recent()
        """The id that a client gave to a message -> its msg_id."""
        self.reactions = Recent()
        """Msg_id -> the person's reaction."""
        self._users = Recent()
        """The map leads from the part of an address before the `@` to the user id."""

    @property
    def user(self) -> str:
        """Return the id by which instant messaging knows the person."""
        return self.link.user

    @property
    def available(self) -> Iterator[Session]:
        """Return the sessions whose clients want messages."""
        return (session for session in list(self.sessions.values()) if session.available)

    def address(self, user: str, session: Session) -> Jid:
        """Return a user's bare address as a session sees it: its own person has the name that it signed in with."""
        return session.own if user == self.user else self.domain.person(user)

    async def user_of(self, local: str) -> str:
        """Return the user id that the part of an address before the `@` stands for. Raises Refused, NoAnswer.

        It is the name with which this person has signed in, a user id (a UUID), or another person's sign-in name.
        """
        if any(session.jid.local == local for session in self.sessions.values()):
            return self.user
        if _UUID.fullmatch(local):
            return local
        if local not in self._users:
            self._users.store(local, await self._look_up(local))
        return self._users[local]

    async def _look_up(self, local: str) -> str:
        """Return the id of the person who signs in with this name, or who has it as id. Raises Refused, NoAnswer."""
        name = quote(addresses.sign_in_name(local))
        try:
            return str((await self.link.call("GET", f"people?name={name}"))["person"]["user_id"])
        except Refused as error:
            if error.code != "not_found" or not addresses.is_user_id(local):
                raise
        return local

    async def direct_with(self, user: str) -> Conversation:
        """Return the one-to-one conversation with a user; create it if there is none. Raises Refused, NoAnswer."""
        if user not in self.direct:
            answer = await self.link.call("POST", "conversations", {"kind": "direct", "user": user})
            self.store_conversation(answer["conversation"])
        return self.conversations[self.direct[user]]

    async def conversation(self, number: int) -> Conversation:
        """Return the person's conversation `number`, by the API if it is new here. Raises Refused, NoAnswer."""
        conversation = self.conversations.get(number)
        if conversation is None or not conversation.kind:
            answer = await self.link.call("GET", f"conversations/{number}")
            return self.store_conversation(answer["conversation"])
        return conversation

    def store_conversation(self, shown: Data, *, begin: bool = False) -> Conversation:
        """Store and return a conversation, as the API describes it; with `begin` its log counts as shown up to now."""
        number = int(shown["conversation_id"])
        conversation = self.conversations.setdefault(number, Conversation(number))
        conversation.update(shown)
        if begin:
            conversation.order.begin(int(shown["last_seq"]))
        if conversation.is_direct:
            self.direct[conversation.user] = number
        return conversation

    async def list_rows(self, path: str, name: str, count: int = 500) -> AsyncIterator[Data]:
        """Yield all rows of a list of the API, in pages of `count`; `name` is the answer's field that holds them.

        Raises Refused, NoAnswer.
        """
        after: str | None = "0"
        while after is not None:
            answer = await self.link.call("GET", f"{path}?after={after}&count={count}")
            for row in answer[name]:
                yield row
            after = answer["next"]
