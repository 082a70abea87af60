"""The link of one person to the platform: the HTTP API, and a queue at the clients' broker.

connect: login -> queue -> consume -> what was missed -> live; again after each failure
send:    publish, wait for the broker's confirm; `msg_ack` or `msg_refused` answers later
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import secrets
from collections.abc import Awaitable, Callable

import aio_pika
import aio_pika.abc
import aiohttp
import aiormq.exceptions
import orjson
from django.conf import settings
from yarl import URL

from foundation.bus.reconnect import Backoff
from foundation.tls import client_context
from im.rules.messages import Data
from im.rules.vocabulary import HEARTBEAT_SECONDS, Cmd, Code

log = logging.getLogger("im.xmpp")

TIMEOUT = 10.0
"""So many seconds a call or a step at the broker may take."""
ANSWER_SECONDS = 20.0
"""So long a client of XMPP waits for the message center before it is told to try again."""
RENEW_SECONDS = 3600.0
MOST_WAITING = 300
"""So many messages of a person may wait for their answers."""
LOST = (
    aiormq.exceptions.AMQPError,
    aiormq.exceptions.ChannelInvalidStateError,
    aio_pika.exceptions.AMQPError,
    aiohttp.ClientError,
    OSError,
    TimeoutError,
)
"""Site or broker cannot be reached, or have closed the connection."""


class Refused(Exception):
    """The platform refuses a call or a message: `code` says why in a word, `status` is the HTTP status, or 0."""

    def __init__(self, code: str, words: str, status: int = 0) -> None:
        """Keep a code for clients, words for people, and the HTTP status; 0: no HTTP call was refused."""
        super().__init__(f"{code}: {words}")
        self.code, self.words, self.status = code, words, status


class NoAnswer(Exception):
    """The platform does not answer; the same may be sent again later."""


class Link:
    """A person's connection to the platform: to its HTTP API, and to its broker, where `run` keeps it up.

    `on_message` gets each message that the broker pushes, `on_connected` is awaited whenever the link has come up,
    before the first of them. `on_refused` is called when the person may not sign in any more.
    """

    def __init__(
        self,
        http: aiohttp.ClientSession,
        api: str,
        user: str,
        token: str,
        *,
        on_message: Callable[[Data], None],
        on_refused: Callable[[], None],
    ) -> None:
        """Prepare the connection of the person `user`, who has the access token `token`; `run` opens it.

        `api` is the URL of the site. A random device name, with "x" for XMPP, tells this connection's queue from those
        of the person's other devices.
        """
        self.user, self.token = user, token
        self.device = f"x{secrets.token_hex(6)}"
        self.connected = asyncio.Event()
        self._http, self._api = http, f"{api.rstrip('/')}/api/v1"
        self._on_message, self._on_refused = on_message, on_refused
        self._outgoing: aio_pika.abc.AbstractExchange | None = None
        self._answers: dict[str, asyncio.Future[Data]] = {}
        """Client_msg_id -> the future answer to a message that was published."""

    # ---- the HTTP API -------------------------------------------------------------------------

    async def call(self, method: str, path: str, body: Data | None = None, app: str = "im") -> Data:
        """Call the platform's HTTP API at /api/v1/<app>/<path> and return its answer. Raises Refused, NoAnswer."""
        headers = {"Authorization": f"Bearer {self.token}"}
        url = f"{self._api}/{app}/{path}"
        try:
            async with self._http.request(method, url, json=body, headers=headers) as reply:
                text = await reply.read()
                # An error page of a server in between is no JSON.
                answer: Data = json.loads(text) if text[:1] == b"{" else {}
        except (*LOST, ValueError) as error:
            raise NoAnswer(f"{method} {path}: {type(error).__name__}") from None
        if reply.status >= 500:
            raise NoAnswer(f"{method} {path}: {reply.status}")
        if reply.status >= 400 or not answer.get("success"):
            code, words = (
                str(answer.get("code", "")),
                str(answer.get("description", "")),
            )
            raise Refused(code, words[:200], reply.status)
        return answer

    # ---- the broker ---------------------------------------------------------------------------

    async def run(self, on_connected: Callable[[], Awaitable[None]]) -> None:
        """Stay connected to the broker until cancelled, or until the platform refuses the person."""
        backoff = Backoff()
        while True:
            try:
                await self._run_session(on_connected)
                backoff.reset()
            except Refused as error:
                if error.status in (401, 403):
                    # The token is not valid any more: connecting again would not help.
                    self._on_refused()
                    return
                log.warning("%s: %s", self.user, error)
            except (NoAnswer, *LOST) as error:
                log.warning("%s: %s: %s", self.user, type(error).__name__, error)
            finally:
                self.connected.clear()
            await asyncio.sleep(backoff.next_pause())

    async def _run_session(self, on_connected: Callable[[], Awaitable[None]]) -> None:
        """Sign in, consume a queue of this connection's own, and return when the connection has ended."""
        names = await self.call("POST", "login", {"way": "amqp"})
        self.token = str(names["token"])
        address = URL(names["addresses"]["amqp"]).with_user(self.user).with_password(self.token)
        tls = client_context(settings.TLS_CA_FILE)  # used if the scheme is amqps
        connection = await aio_pika.connect(
            str(address), timeout=TIMEOUT, heartbeat=30, ssl_context=tls
        )
        try:
            ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            channel = await connection.channel(publisher_confirms=True)
            for part in (connection, channel):
                part.close_callbacks.add(lambda *_: _mark_ended(ended))
            queue = await channel.declare_queue(
                names["queue_prefix"] + self.device, exclusive=True, timeout=TIMEOUT
            )
            await queue.bind(names["exchange"], timeout=TIMEOUT)
            await queue.consume(self._on_delivery, no_ack=True)
            self._outgoing = await channel.get_exchange(names["outgoing"], ensure=False)
            await on_connected()
            self.connected.set()
            await self._beat_until(ended)
        finally:
            self._outgoing = None
            with contextlib.suppress(*LOST):
                await asyncio.wait_for(connection.close(), 2)

    async def _beat_until(self, ended: asyncio.Future[None]) -> None:
        """Send heartbeats, and renew the token, until the connection has ended."""
        loop = asyncio.get_running_loop()
        renewed = loop.time()
        while not ended.done():
            if loop.time() - renewed > RENEW_SECONDS:
                self.token = str((await self.call("POST", "login", {"way": "amqp"}))["token"])
                renewed = loop.time()
            body = {"device": self.device, "way": "amqp"}
            with contextlib.suppress(NoAnswer):
                await self.call("POST", "heartbeat", body)
            await asyncio.wait([ended], timeout=HEARTBEAT_SECONDS)

    async def _on_delivery(self, delivery: aio_pika.abc.AbstractIncomingMessage) -> None:
        """Handle a message from the broker: the answer to a message that we published, or something to show.

        What cannot be read is ignored.
        """
        try:
            message: Data = orjson.loads(delivery.body)
        except ValueError:
            return
        cmd, data = message.get("cmd"), message.get("data")
        if not isinstance(data, dict):
            return
        if cmd in (Cmd.MSG_ACK, Cmd.MSG_REFUSED):
            self._complete_answer(str(data.get("client_msg_id") or ""), message)
        else:
            self._on_message(message)

    def _complete_answer(self, key: str, message: Data) -> None:
        """Give the message center's answer to whoever waits for it.

        `key` is the client_msg_id of the published message. An answer for which nobody waits is ignored.
        """
        future = self._answers.pop(key, None)
        if future is None or future.done():
            return
        data = message["data"]
        if message["cmd"] == Cmd.MSG_ACK:
            future.set_result(data)
        else:
            future.set_exception(Refused(str(data.get("code")), str(data.get("reason"))))

    async def publish(
        self, cmd: Cmd, conversation: int, key: str, data: Data
    ) -> asyncio.Future[Data]:
        """Publish a command to the message center, and return the future that gets the center's answer.

        Raises NoAnswer, and Refused if too many of the person's messages wait. The future raises Refused. The same
        `key` again, while the first one waits, has the same answer.
        """
        if key in self._answers:
            return self._answers[key]
        if len(self._answers) >= MOST_WAITING:
            raise Refused(Code.RATE, "too many of your messages wait; send it again later")
        future: asyncio.Future[Data] = asyncio.get_running_loop().create_future()
        self._answers[key] = future
        future.add_done_callback(lambda _: self._answers.pop(key, None))
        try:
            await self.publish_unanswered(cmd, conversation, {"client_msg_id": key, **data})
        except NoAnswer:
            future.cancel()
            raise
        return future

    async def publish_unanswered(self, cmd: Cmd, conversation: int, data: Data) -> None:
        """Publish a command to the message center, and wait for the broker's confirmation only. Raises NoAnswer."""
        fields = {"conversation_id": str(conversation), **data}
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await self.connected.wait()
                # The word before the token is required by the protocol (IM §10.3).
                body = {"token": f"Tricolor{self.token}", "cmd": cmd.value, "data": fields}
                message = aio_pika.Message(orjson.dumps(body), user_id=self.user)
                if self._outgoing is None:
                    raise NoAnswer("the broker is away")
                await self._outgoing.publish(message, f"c_{conversation}")
        except LOST as error:
            raise NoAnswer(f"the broker does not answer: {type(error).__name__}") from None

    async def wait_for_answer(self, future: asyncio.Future[Data]) -> Data:
        """Wait for the message center's answer to a command, whose future `publish` has returned.

        Raises Refused, NoAnswer.
        """
        done, _ = await asyncio.wait([future], timeout=ANSWER_SECONDS)
        if not done or future.cancelled():
            future.cancel()
            raise NoAnswer("the message center does not answer")
        return future.result()


def _mark_ended(ended: asyncio.Future[None]) -> None:
    """Complete the future that says that the connection has ended, unless it is complete."""
    if not ended.done():
        ended.set_result(None)
