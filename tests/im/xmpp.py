"""A person with a client of XMPP that is not ours (slixmpp), and a site that serves such people."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar
from uuid import uuid4
from xml.etree.ElementTree import Element

import slixmpp
from slixmpp import JID
from slixmpp.xmlstream.handler import Callback
from slixmpp.xmlstream.matcher import MatchXPath

from deploy.stand.ejabberd import Ejabberd
from deploy.stand.ejabberd import xmpp_server as xmpp_server_of
from deploy.stand.site import Site
from tests.im.door import eventually

T = TypeVar("T")
SECONDS = 60.0


@contextmanager
def xmpp_server(site: Site) -> Iterator[Ejabberd]:
    """Run an XMPP server and its bridge beside a site."""
    server = xmpp_server_of(site.directory, site.ports, site.vault)
    bridge = site.xmpp_bridge(server)
    try:
        server.start()
        bridge.start()
        bridge.wait_until(server.socket.exists, 60)
        yield server
    finally:
        bridge.stop()
        server.kill()
        server.stop()


class XmppPerson:
    """A person's client, whose loop runs in a thread of its own."""

    def __init__(
        self, server: Ejabberd, name: str, password: str, *, resource: str = "", enter: bool = True
    ) -> None:
        self.server = server
        self.got: list[Element] = []
        """Everything that came, in order."""
        self.failed = False
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.client = self.run(self._made(f"{name}@{server.domain}/{resource or 'test'}", password))
        if enter:
            eventually(lambda: self.client.sessionstarted or self.failed, SECONDS)

    async def _made(self, jid: str, password: str) -> slixmpp.ClientXMPP:
        client = slixmpp.ClientXMPP(jid, password)
        client.enable_starttls = client.enable_direct_tls = False
        client.enable_plaintext = True
        client.plugin["feature_mechanisms"].unencrypted_plain = True
        for plugin in ("xep_0030", "xep_0045", "xep_0184", "xep_0199", "xep_0280", "xep_0313"):
            client.register_plugin(plugin)
        client.plugin["xep_0184"].auto_request = True
        for kind in ("message", "presence", "iq"):
            path = MatchXPath(f"{{jabber:client}}{kind}")
            client.register_handler(
                Callback(f"seen {kind}", path, lambda s: self.got.append(s.xml))
            )
        client.add_event_handler("failed_all_auth", self._on_failed)
        client.add_event_handler("session_start", lambda _: client.send_presence())
        client.connect("127.0.0.1", self.server.port)
        return client

    def _on_failed(self, _: object) -> None:
        self.failed = True

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in the client's loop, and return its result."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(SECONDS)

    def send(self, action: Callable[[], object]) -> None:
        """Call a function in the client's loop."""

        async def call() -> None:
            action()

        self.run(call())

    def say(self, to: str, body: str, *, kind: str = "chat", key: str = "") -> str:
        """Send a message, and return its id."""
        message = self.client.make_message(to, body, mtype=kind)  # type: ignore[arg-type]  # a test may try any kind
        if key:
            message["id"] = key
        self.send(message.send)
        return str(message["id"])

    def say_at_once(self, to: str, bodies: list[str]) -> None:
        """Send messages in one write to the socket."""
        messages = [self.client.make_message(to, body, mtype="chat") for body in bodies]
        for message in messages:
            message["id"] = uuid4().hex
        self.send(lambda: self.client.send_raw("".join(str(message) for message in messages)))

    def messages(self, kind: str = "chat") -> list[tuple[str, str]]:
        """Return `(sender, text)` of the messages of a kind that came, in order."""
        return [
            (node.get("from", ""), node.findtext("{jabber:client}body") or "")
            for node in list(self.got)
            if node.tag.endswith("}message") and node.get("type") == kind
            if node.find("{jabber:client}body") is not None
        ]

    def address(self, person: str) -> str:
        """Return the address of somebody."""
        return f"{person}@{self.server.domain}"

    def _all(self, kind: str) -> list[Element]:
        return [node for node in list(self.got) if node.tag.endswith("}" + kind)]

    def receipts(self) -> list[str]:
        """Return the ids of messages that were acknowledged, in order."""
        found = (node.find("{urn:xmpp:receipts}received") for node in self._all("message"))
        return [receipt.get("id", "") for receipt in found if receipt is not None]

    def errors(self, key: str) -> set[str]:
        """Return the names of the conditions with which a message was refused."""
        refused = (
            n for n in self._all("message") if (n.get("id"), n.get("type")) == (key, "error")
        )
        return {part.tag.rpartition("}")[2] for node in refused for part in node.iter()}

    def copies(self) -> list[str]:
        """Return the texts of messages that other clients of the person have sent."""
        path = "{urn:xmpp:carbons:2}sent//{jabber:client}body"
        return [body.text or "" for node in self._all("message") for body in node.iterfind(path)]

    def shown_state(self, other: str) -> str:
        """Return the presence of a contact that came last."""
        state = "offline"
        for node in self._all("presence"):
            if node.get("from") == other and node.get("type") in (None, "unavailable"):
                show = node.findtext("{jabber:client}show") or "online"
                state = show if node.get("type") is None else "offline"
        return state

    # ---- questions ----------------------------------------------------------------------------

    def contacts(self) -> dict[str, str]:
        """Return the roster: address -> subscription."""

        async def ask() -> dict[str, str]:
            reply = await self.client.get_roster()
            assert reply is not None
            items = reply.xml.iter("{jabber:iq:roster}item")
            return {item.get("jid", ""): item.get("subscription", "") for item in items}

        return self.run(ask())

    def rooms(self) -> list[str]:
        """Return the addresses of the person's groups."""

        async def ask() -> list[str]:
            service = JID(f"groups.{self.server.domain}")
            reply = await self.client.plugin["xep_0030"].get_items(service)
            items = reply.xml.iter("{http://jabber.org/protocol/disco#items}item")
            return [item.get("jid", "") for item in items]

        return self.run(ask())

    def enter(self, room: str) -> None:
        """Enter a group. Raises an error of the library if it is refused."""
        muc = self.client.plugin["xep_0045"]
        self.run(muc.join_muc_wait(JID(room), "somebody", maxstanzas=0, timeout=60))

    def copy(self) -> None:
        """Ask for copies of what other clients of the person send."""

        async def ask() -> None:
            await self.client.plugin["xep_0280"].enable()

        self.run(ask())

    def history(self, archive: JID | None, partner: str = "") -> list[tuple[str, str]]:
        """Return `(place, text)` of all messages of an archive, fetched in pages of two."""

        async def ask() -> list[tuple[str, str]]:
            found = []
            other = JID(partner) if partner else None
            mam = self.client.plugin["xep_0313"]
            async for item in mam.iterate(jid=archive, rsm={"max": 2}, with_jid=other):
                result = item["mam_result"]
                found.append((result["id"], result["forwarded"]["stanza"]["body"]))
            return found

        return self.run(ask())

    def wait(self, condition: Callable[[], bool]) -> None:
        """Wait until a condition holds."""
        eventually(condition, SECONDS)

    def close(self) -> None:
        """Sign out."""

        async def end() -> None:
            await self.client.disconnect()

        self.run(end())
        self.client = None  # type: ignore[assignment]  # the library ends its tasks when the client is gone
        gc.collect()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
