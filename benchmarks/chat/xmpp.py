"""A light XMPP client: expat, PLAIN, XEP-0198 acknowledgements for each message, MUC, MAM."""

from __future__ import annotations

import asyncio
import itertools
from base64 import b64encode
from collections import deque
from collections.abc import Callable
from typing import Any
from xml.parsers import expat
from xml.sax.saxutils import quoteattr

_OPEN_TIMEOUT = 60.0
_STREAM = (
    "<?xml version='1.0'?><stream:stream to='localhost' version='1.0' xmlns='jabber:client'"
    " xmlns:stream='http://etherx.jabber.org/streams'>"
)
_BIND = (
    "<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"
    "<resource>r</resource></bind></iq>"
)
_ENABLE = "<enable xmlns='urn:xmpp:sm:3'/>"
_MUC = "<x xmlns='http://jabber.org/protocol/muc'><history maxstanzas='0'/></x>"
_CONFIGURE = (
    "<query xmlns='http://jabber.org/protocol/muc#owner'><x xmlns='jabber:x:data' type='submit'/>"
    "</query>"
)
_serial = itertools.count(1)


class XmppClient(asyncio.Protocol):
    """A client with one resource; it ignores a room's reflection of its own messages."""

    def __init__(self, port: int, user: str, password: str) -> None:
        self.heard: Callable[[str], None] = _ignore
        self.acknowledged: Callable[[str], None] = _ignore
        self.user = user
        self._port, self._password = port, password
        self._transport: Any = None
        self._wanted: Callable[[str, dict[str, str]], bool] = lambda *_: False
        self._answer: asyncio.Future[dict[str, str]] | None = None
        self._unacknowledged: deque[tuple[int, str]] = deque()
        self._sent = self._received = 0
        self._counts = False
        self.codes: set[str] = set()
        self.archived = 0

    # ---- signing in ---------------------------------------------------------------------------

    async def sign_in(self) -> None:
        """Authenticate, bind a resource, enable stream management, send presence."""
        loop = asyncio.get_running_loop()
        waiting = self._wait(lambda name, _: name == "stream:features")
        await loop.create_connection(lambda: self, "127.0.0.1", self._port)
        await waiting
        proof = b64encode(f"\0{self.user}\0{self._password}".encode()).decode()
        await self._ask(
            f"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{proof}</auth>",
            lambda name, _: name == "success",
        )
        waiting = self._wait(lambda name, _: name == "stream:features")
        self._open()
        await waiting
        await self._ask(_BIND, lambda name, about: about.get("id") == "bind")
        await self._ask(_ENABLE, lambda name, _: name == "enabled")
        self._counts, self._received = True, 0
        self._stanza("<presence/>")

    async def join(self, room: str, *, first: bool = False) -> None:
        """Enter a room; the first client creates and configures it."""
        entered = self._wait(lambda name, _: name == "presence" and "110" in self.codes)
        self.codes.clear()
        self._stanza(f"<presence to={quoteattr(f'{room}/{self.user}')}>{_MUC}</presence>")
        await entered
        if first:
            configured = self._wait(lambda _, about: about.get("id") == "room")
            self._stanza(f"<iq type='set' id='room' to={quoteattr(room)}>{_CONFIGURE}</iq>")
            await configured

    async def page(self, after: str, count: int) -> str:
        """Read a page of the archive; return the id of its last message, "" at the end."""
        number = f"page{next(_serial)}"
        start = f"<after>{after}</after>" if after else ""
        received = self._wait(lambda name, about: name == "iq" and about.get("id") == number)
        self._last = ""
        self._stanza(
            f"<iq type='set' id='{number}'><query xmlns='urn:xmpp:mam:2'>"
            f"<set xmlns='http://jabber.org/protocol/rsm'><max>{count}</max>{start}</set>"
            "</query></iq>"
        )
        await received
        return self._last

    async def _ask(self, stanza: str, wanted: Callable[[str, dict[str, str]], bool]) -> None:
        """Send a stanza (an XML element of XMPP), and wait for the answer that `wanted` recognizes.

        Raises TimeoutError if none comes.
        """
        answer = self._wait(wanted)
        self._transport.write(stanza.encode())
        await answer

    def _wait(self, wanted: Callable[[str, dict[str, str]], bool]) -> asyncio.Future[Any]:
        """Return a future for the next stanza (XML element) that `wanted` recognizes.

        It fails after _OPEN_TIMEOUT seconds.
        """
        self._wanted = wanted
        self._answer = asyncio.get_running_loop().create_future()
        return asyncio.ensure_future(asyncio.wait_for(self._answer, _OPEN_TIMEOUT))

    # ---- what goes ----------------------------------------------------------------------------

    def _stanza(self, text: str) -> None:
        self._sent += 1
        self._transport.write(text.encode())

    def say(self, place: str, text: str, mark: str) -> None:
        """Send a message to a person or a room, and ask for its acknowledgement."""
        self._unacknowledged.append((self._sent + 1, mark))
        kind = "groupchat" if "@conference." in place else "chat"
        self._stanza(
            f"<message to='{place}' type='{kind}' id='{mark}'><body>{text}</body></message>"
            "<r xmlns='urn:xmpp:sm:3'/>"
        )

    def close(self) -> None:
        """End the stream and close the connection, so that the server knows, too."""
        if self._transport and not self._transport.is_closing():
            self._transport.write(b"</stream:stream>")
            self._transport.close()

    # ---- what comes ---------------------------------------------------------------------------

    def connection_made(self, transport: Any) -> None:
        """Keep the transport; asyncio calls this."""
        self._transport, self._counts, self._sent = transport, False, 0
        self._open()

    def _open(self) -> None:
        """Begin an XML stream to the server, with a new parser.

        XMPP does so after connecting, and again after signing in.
        """
        parser = self._parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        self._depth, self._body = 0, ""
        self._in_body = self._in_last = False
        self._transport.write(_STREAM.encode())

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail the step that waits for an answer; asyncio calls this."""
        if self._answer and not self._answer.done():
            self._answer.set_exception(ConnectionError(f"{self.user}: {exc}"))

    def data_received(self, data: bytes) -> None:
        """Parse what has arrived; asyncio calls this."""
        self._parser.Parse(data, False)

    def _start(self, name: str, about: dict[str, str]) -> None:
        """Handle the start of an XML element: a stanza (an element directly below the stream) or a part of one."""
        if self._depth == 1:
            self._top, self._about, self._body = name, about, ""
        elif name == "body":
            self._in_body = self._depth == 2
        elif name == "last":
            self._in_last = True
        elif name == "result":
            self.archived += 1
        elif name == "status":
            self.codes.add(about.get("code", ""))
        self._depth += 1

    def _text(self, text: str) -> None:
        """Collect the text of a message's body, or of the element that names the last message of an archive page."""
        if self._in_body:
            self._body += text
        elif self._in_last:
            self._last += text

    def _end(self, name: str) -> None:
        """Handle the end of an XML element; the end of a whole stanza leads to its handling."""
        self._depth -= 1
        self._in_body = self._in_last = False
        if self._depth == 1:
            self._whole(self._top, self._about)

    def _whole(self, name: str, about: dict[str, str]) -> None:
        """Handle a whole stanza (a message, a presence or an answer).

        A text from others is heard; a request to confirm is answered; an acknowledgement is noted; a wait for this
        answer ends.
        """
        if name in ("message", "presence", "iq"):
            self._received += self._counts
        if name == "message" and self._body:
            if not about.get("from", "").endswith(f"/{self.user}"):
                self.heard(self._body)
        elif name == "r":
            self._transport.write(f"<a xmlns='urn:xmpp:sm:3' h='{self._received}'/>".encode())
        elif name == "a":
            self._acked(int(about["h"]))
        if self._answer and not self._answer.done() and self._wanted(name, about):
            self._answer.set_result(about)

    def _acked(self, count: int) -> None:
        while self._unacknowledged and self._unacknowledged[0][0] <= count:
            self.acknowledged(self._unacknowledged.popleft()[1])


def _ignore(_: str) -> None:
    """Ignore a text: the place of a listener until one is set."""
