"""A worker handles the stanzas of one person's clients one after the other, and messages that the platform pushes."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from xml.etree.ElementTree import Element

from prometheus_client import Counter

from im.api.xmpp import archive, chat, disco, rooms, roster
from im.api.xmpp.link import NoAnswer, Refused
from im.api.xmpp.person import MOST_SESSIONS, Person, Session
from im.rules.messages import Data
from im.rules.vocabulary import Cmd
from im.rules.xmpp import addresses, stanzas
from im.rules.xmpp.addresses import Jid
from im.rules.xmpp.stanzas import Fault

log = logging.getLogger("im.xmpp")

STANZAS = Counter(
    "im_xmpp_stanzas", "Stanzas of clients, by kind and by what came of them", ["kind", "result"]
)
MOST_STANZAS = 200
"""So many stanzas of a person may wait; further ones are refused."""
MOST_PUSHED = 10_000
"""So many pushed messages may wait to be shown; as many as the person's queue at the broker holds."""

IqHandler = Callable[[Person, Session, Element, Jid], Awaitable[Element]]
IQ_HANDLERS: dict[tuple[str, str], IqHandler] = {
    ("get", stanzas.DISCO_INFO): disco.on_info,
    ("get", stanzas.DISCO_ITEMS): disco.on_items,
    ("get", stanzas.PING): disco.on_ping,
    ("set", stanzas.CARBONS): disco.on_carbons,
    ("get", stanzas.ROSTER): roster.on_get,
    ("set", stanzas.ROSTER): roster.on_set,
    ("set", stanzas.MAM): archive.on_query,
    ("get", stanzas.MAM): archive.on_form_request,
}
"""The requests (IQ) that are answered, by type and namespace. All others are refused."""


class PersonWorker:
    """The worker of one person: it handles what the person's XMPP clients send, and shows them what is pushed.

    It runs from the first stanza of a session to the end of the last session.
    """

    def __init__(self, person: Person) -> None:
        """Start the three tasks that handle the person's stanzas, show what is pushed, and keep the connection up."""
        self.person = person
        self._stanzas: asyncio.Queue[tuple[Session, Element]] = asyncio.Queue(MOST_STANZAS)
        self._pushed: asyncio.Queue[Data] = asyncio.Queue(MOST_PUSHED)
        self._tasks = [
            asyncio.create_task(work())
            for work in (self._handle_stanzas, self._show_pushed, self._keep_connected)
        ]

    def close(self) -> None:
        """End the link to the platform, and all work for the person."""
        for task in self._tasks:
            task.cancel()
        self.person.tasks.cancel()

    async def _keep_connected(self) -> None:
        """Keep the person's connection to the platform up."""
        await self.person.link.run(lambda: chat.load_conversations(self.person))

    # ---- from clients -------------------------------------------------------------------------

    def enqueue_stanza(self, sender: Jid, node: Element) -> None:
        """Put a stanza of one of the person's clients into the queue; too many of them are refused."""
        key = str(sender)
        session = self.person.sessions.get(key)
        if session is None and node.get("type") in ("unavailable", "error"):
            return  # ejabberd takes leave of rooms for a session that has ended
        if session is None and len(self.person.sessions) < MOST_SESSIONS:
            session = self.person.sessions[key] = Session(sender)
        try:
            if session is None:
                raise asyncio.QueueFull
            self._stanzas.put_nowait((session, node))
        except asyncio.QueueFull:
            STANZAS.labels(stanzas.name_of(node), "too many").inc()
            self._refuse(node, Fault.WAIT, "you send too much; wait a little")

    def forget_session(self, sender: Jid) -> bool:
        """Forget the session of a client that has ended; return whether it was the person's last one."""
        self.person.sessions.pop(str(sender), None)
        return not self.person.sessions

    async def _handle_stanzas(self) -> None:
        """Handle the queued stanzas one after the other; a failure is answered with an error stanza."""
        while True:
            session, node = await self._stanzas.get()
            kind = stanzas.name_of(node)
            try:
                await self._handle_stanza(session, node)
                STANZAS.labels(kind, "done").inc()
            except Refused as error:
                STANZAS.labels(kind, "refused").inc()
                self._refuse(node, chat.fault_of(error), error.words)
            except NoAnswer as error:
                STANZAS.labels(kind, "no answer").inc()
                self._refuse(node, Fault.AWAY, str(error))
            except Exception:
                STANZAS.labels(kind, "failed").inc()
                log.exception("a %s failed", kind)
                self._refuse(node, Fault.UNAVAILABLE, "this cannot be done")

    def _receiver_of(self, node: Element) -> Jid:
        """Return the address to which a client has sent a stanza."""
        return self.person.domain.as_client_wrote(addresses.parse(node.get("to", "")))

    def _refuse(self, node: Element, fault: Fault, words: str) -> None:
        """Answer a client's stanza with an error, unless it is an error or an answer itself; `words` are for people."""
        if node.get("type") not in ("error", "result"):
            self.person.send(stanzas.error_answer(node, self._receiver_of(node), fault, words))

    async def _handle_stanza(self, session: Session, node: Element) -> None:
        """Handle a client's stanza by its kind: message, presence, or request (IQ). Raises Refused, NoAnswer."""
        to = self._receiver_of(node)
        match stanzas.name_of(node):
            case "message":
                await chat.on_message(self.person, session, node, to)
            case "presence":
                await self._on_presence(session, node, to)
            case "iq" if node.get("type") in ("get", "set"):
                await self._on_iq(session, node, to)

    async def _on_presence(self, session: Session, node: Element, to: Jid) -> None:
        """Handle a presence stanza: the client's own, one for a group, or one that asks for a contact.

        All others are ignored. Raises Refused, NoAnswer.
        """
        kind, number = node.get("type", ""), self.person.domain.conversation_of(to)
        if number is not None:
            if kind == "unavailable":
                rooms.leave_room(self.person, session, number)
            elif kind == "" and (number in session.rooms or to.resource):
                await rooms.enter_room(self.person, session, node, number, to)
        elif kind in ("subscribe", "subscribed", "unsubscribe", "unsubscribed"):
            await roster.on_subscription(self.person, session, node, to)
        elif to.bare == session.own.bare and kind in ("", "unavailable"):
            await roster.on_presence(self.person, session, node)

    async def _on_iq(self, session: Session, node: Element, to: Jid) -> None:
        """Answer a request stanza (IQ), with an error if its kind is unknown. Raises Refused, NoAnswer."""
        content = stanzas.iq_content(node)
        namespace = "" if content is None else stanzas.namespace_of(content)
        handler = IQ_HANDLERS.get((node.get("type", ""), namespace))
        if handler is None:
            self._refuse(node, Fault.UNAVAILABLE, "")
        else:
            self.person.send(await handler(self.person, session, node, to))

    # ---- to clients ---------------------------------------------------------------------------

    def enqueue_pushed(self, message: Data) -> None:
        """Put a message that the broker has pushed into the queue of those to show; one too many is dropped."""
        with contextlib.suppress(asyncio.QueueFull):
            self._pushed.put_nowait(message)

    async def _show_pushed(self) -> None:
        """Send the queued messages that the broker has pushed to the person's clients, one after the other."""
        while True:
            message = await self._pushed.get()
            try:
                await self._show_one_pushed(message)
            except (Refused, NoAnswer) as error:
                log.info("not shown: %s", error)
            except Exception:
                log.exception("a pushed message failed: %s", message.get("cmd"))

    async def _show_one_pushed(self, message: Data) -> None:
        """Send a message that the broker has pushed to those clients of the person that want it.

        Raises Refused, NoAnswer.
        """
        cmd, data = message.get("cmd"), message["data"]
        # Entries of a conversation's log have a sequence number (`seq`).
        if "seq" in data or cmd == Cmd.TYPING:
            await chat.on_pushed(self.person, message)
        elif cmd == Cmd.PRESENCE:
            roster.on_pushed_presence(self.person, data)
        elif cmd == Cmd.CONTACT:
            await roster.on_pushed_contact(self.person, data)
