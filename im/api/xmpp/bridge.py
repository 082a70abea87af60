"""The bridge to XMPP: one stream to ejabberd (the XMPP server), a server for sign-ins, and a worker for each person.

client's stanza -> ejabberd -> stream of the component -> worker of its sender
sign-in         -> ejabberd -> ask_bridge.py -> SignInServer -> the person's token
session ends    -> ejabberd sends `unavailable` to the component itself
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import Element

import aiohttp
from prometheus_client import Gauge
from slixmpp.componentxmpp import ComponentXMPP
from slixmpp.xmlstream.handler import Callback
from slixmpp.xmlstream.matcher import MatchXPath
from slixmpp.xmlstream.stanzabase import ElementBase
from slixmpp.xmlstream.tostring import tostring

from im.api.xmpp.link import TIMEOUT, Link
from im.api.xmpp.person import Person
from im.api.xmpp.sign_in import SignedIn, SignInServer
from im.api.xmpp.worker import PersonWorker
from im.rules.xmpp import addresses, stanzas
from im.rules.xmpp.addresses import Domain, Jid

log = logging.getLogger("im.xmpp")

PEOPLE = Gauge("im_xmpp_people", "People who are signed in over XMPP", multiprocess_mode="livesum")
STREAMS = Gauge(
    "im_xmpp_streams",
    "Whether the stream to ejabberd is up",
    multiprocess_mode="livesum",
)
MOST_CALLS = 100
"""So many calls of the HTTP API run at once."""
MOST_SIGNED_IN = 50_000
"""So many sign-ins are kept, with or without a session."""


@dataclass(frozen=True, slots=True)
class BridgeSettings:
    """Represent the settings of the bridge between ejabberd and the platform.

    `host` and `port`: where ejabberd awaits its components. `site`: the URL of the site's pages and API. `socket`:
    where ejabberd asks whether a password is right. `domain`: the XMPP domain.
    """

    domain: str
    host: str
    port: int
    secret: str
    socket: Path
    site: str


class Bridge:
    """The bridge between XMPP clients and the platform: a component of ejabberd, for people's addresses and groups.

    It has a single stream: among several ones of a domain, ejabberd chooses for each stanza at random, and the stanzas
    of one client would come in another order than they were sent in.
    """

    def __init__(self, settings: BridgeSettings) -> None:
        """Prepare the bridge and its stream to ejabberd; `run` connects it."""
        self._settings = settings
        self.domain = Domain(settings.domain)
        self._signed_in: dict[str, SignedIn] = {}
        """The map leads from the part of an address before the `@` to the person who has signed in with it last."""
        self._workers: dict[str, PersonWorker] = {}
        """User id -> the worker that handles this person's stanzas."""
        self._http: aiohttp.ClientSession | None = None
        self._up = asyncio.Event()
        """Set while the stream is up."""
        self._stream = self._create_stream()

    def _create_stream(self) -> ComponentXMPP:
        """Return a new stream to ejabberd, not yet connected.

        It serves all domains that ejabberd knows as components.
        """
        host, port = self._settings.host, self._settings.port
        stream = ComponentXMPP(self.domain.bridge, self._settings.secret, host, port)  # type: ignore[no-untyped-call]  # it has no types
        for kind in ("message", "presence", "iq"):
            path = MatchXPath(f"{{{stream.default_ns}}}{kind}")
            stream.register_handler(Callback(f"all {kind}", path, self._on_stanza))
        stream.add_event_handler("session_start", lambda _: self._on_stream_up())
        stream.add_event_handler("disconnected", lambda _: self._on_stream_lost())
        return stream

    async def run(self) -> None:
        """Connect to ejabberd, then take sign-ins and stanzas until cancelled."""
        timeout = aiohttp.ClientTimeout(total=TIMEOUT)
        connector = aiohttp.TCPConnector(limit=MOST_CALLS)
        async with aiohttp.ClientSession(timeout=timeout, connector=connector) as self._http:
            try:
                self._stream.connect()
                await self._up.wait()
                # Nobody can sign in before a stanza of theirs would be taken.
                server = await SignInServer(self._settings.socket, self._record_sign_in).start()
                async with server:
                    await asyncio.Event().wait()
            finally:
                for worker in self._workers.values():
                    worker.close()
                self._stream.abort()

    def _on_stream_up(self) -> None:
        """Record that ejabberd has accepted the bridge; now people can sign in."""
        STREAMS.set(1)
        self._up.set()

    def _on_stream_lost(self) -> None:
        """Forget all people and connect again when the stream is lost: ejabberd ends all sessions then."""
        log.warning("the stream of %s to ejabberd is lost", self._stream.boundjid)
        STREAMS.set(0)
        self._up.clear()
        for worker in self._workers.values():
            worker.close()
        self._workers.clear()
        self._signed_in.clear()
        PEOPLE.set(0)
        asyncio.get_running_loop().call_later(1.0, self._stream.connect)

    # ---- people -------------------------------------------------------------------------------

    def _record_sign_in(self, signed_in: SignedIn) -> None:
        """Record who has signed in, and the new access token; the session's first stanza comes next.

        The worker of somebody who was signed in already gets the new token. Above MOST_SIGNED_IN the oldest is
        forgotten.
        """
        if len(self._signed_in) >= MOST_SIGNED_IN:
            self._signed_in.pop(next(iter(self._signed_in)))
        self._signed_in[signed_in.name] = signed_in
        worker = self._workers.get(signed_in.user)
        if worker is not None:
            worker.person.link.token = signed_in.token

    def _on_stanza(self, stanza: ElementBase) -> None:
        """Give a stanza (an XML message) from ejabberd to the worker of its sender.

        One that comes from no person's session is ignored; a sender who has not signed in is put out; `unavailable`
        to the bridge itself ends a session.
        """
        node = stanza.xml
        sender = addresses.parse(node.get("from", ""))
        if sender.domain != self.domain.name or not sender.local or not sender.resource:
            return
        if node.get("type") == "unavailable" and node.get("to") == self.domain.bridge:
            self._on_session_ended(sender)
            return
        worker = self._worker_of(sender)
        if worker is None:
            self._end_sessions(sender)
        else:
            worker.enqueue_stanza(sender, node)

    def _worker_of(self, sender: Jid) -> PersonWorker | None:
        """Return the worker that handles a sender's stanzas, which is created if need be.

        `None` if the sender has not signed in.
        """
        signed_in = self._signed_in.get(sender.local)
        if signed_in is None or self._http is None:
            return None
        if signed_in.user not in self._workers:
            self._workers[signed_in.user] = self._create_worker(self._http, signed_in)
            PEOPLE.set(len(self._workers))
        return self._workers[signed_in.user]

    def _create_worker(self, http: aiohttp.ClientSession, signed_in: SignedIn) -> PersonWorker:
        """Return a new worker for a person's stanzas, with a connection of the person to the platform."""
        user = signed_in.user
        link = Link(
            http,
            self._settings.site,
            user,
            signed_in.token,
            on_message=lambda message: self._workers[user].enqueue_pushed(message),
            on_refused=lambda: self._end_all_sessions(user),
        )
        return PersonWorker(Person(self.domain, self._settings.site, link, self._send))

    def _on_session_ended(self, sender: Jid) -> None:
        """Forget the session of an address (`sender`); with a person's last session, also the person and the worker.

        An unknown session is ignored.
        """
        signed_in = self._signed_in.get(sender.local)
        worker = self._workers.get(signed_in.user) if signed_in else None
        if signed_in is None or worker is None:
            return
        if not any(
            session.jid.local == sender.local and session.jid != sender
            for session in worker.person.sessions.values()
        ):
            del self._signed_in[sender.local]
        if worker.forget_session(sender):
            worker.close()
            del self._workers[signed_in.user]
            PEOPLE.set(len(self._workers))

    def _end_all_sessions(self, user: str) -> None:
        """End all sessions of a person whose access token is not valid any more."""
        worker = self._workers.get(user)
        for session in list(worker.person.sessions.values()) if worker else ():
            self._end_sessions(session.jid)

    def _end_sessions(self, address: Jid) -> None:
        """Ask ejabberd to end the session of an address or, for a bare one, all of its person."""
        key = secrets.token_hex(4)
        self._send(stanzas.end_session(self.domain.bridge, self.domain.name, address, key))

    def _send(self, node: Element) -> None:
        """Send a stanza to ejabberd.

        Drop it while the stream is down: all sessions have ended then, and nobody waits for it.
        """
        if self._stream.sessionstarted:
            self._stream.send_raw(tostring(node, xmlns=stanzas.STREAM))
