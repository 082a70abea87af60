"""The gate of telephones: it takes calls from the edge (Kamailio), and hands news from the platform to them."""

from __future__ import annotations

import asyncio
import logging
import signal
from uuid import uuid4

from aiosipua import IncomingCall, SipRequest, SipResponse, SipUAS

from foundation.bus.message import TYPES, Body, Message, from_body
from foundation.plain_text import cleaned
from media_unit.broker import Broker, Place
from media_unit.sip_gate.call import Call, Caller
from media_unit.sip_gate.config import GateConfig
from media_unit.sip_gate.digits import KeyListener
from media_unit.sip_gate.membership import LOST
from media_unit.sip_gate.phone_media import PhoneMedia, UnusedSocket
from media_unit.sip_gate.questions import Questions
from media_unit.sip_gate.rtpengine import Rtpengine
from media_unit.sip_gate.transport import EdgeTransport
from wire.routes import Routes, gate_key, gate_queue
from wire.telephones import ConferenceHasMoved, LegAddress, LegGone

log = logging.getLogger("conferences.media.telephones")

_SESSION_SECONDS = 600
"""A telephone that is gone without a word is noticed within this time, by a question of SIP (RFC 4028)."""
_MOST_CHARACTERS_OF_SDP = 16_000
_MOST_CHARACTERS = 48
"""Characters of a caller's name and address that are shown."""
_NOT_FOUND, _NOT_ACCEPTABLE, _UNAVAILABLE = 404, 488, 503
"""Status codes of SIP."""


class TelephoneGate:
    """A gate of telephones, with all its calls."""

    def __init__(self, config: GateConfig) -> None:
        """Prepare the parts of the gate; `run` starts them."""
        self._config = config
        self._broker = Broker(_place_of(config), self._take_message, lambda: [])
        self._questions = Questions(config, self._broker)
        self._engine, self._listener = Rtpengine(), KeyListener()
        self._unused_socket = UnusedSocket()
        self._unused: LegAddress | None = None
        self._transport = EdgeTransport(local_addr=(config.ip, config.sip_port))
        self._uas = SipUAS(self._transport, session_expires=_SESSION_SECONDS)
        self._calls: dict[str, tuple[Call, asyncio.Task[None]]] = {}
        """Id of a call in our own messages -> the call, and the task that leads it."""
        self._call_ids: dict[str, str] = {}
        """Call-ID in SIP -> id of the call in our own messages."""

    async def run(self) -> None:
        """Take calls until SIGTERM or SIGINT; then hang up, and return."""
        stop = asyncio.Event()
        for signal_number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(signal_number, stop.set)
        await self._engine.open(self._config.rtpengine)
        await self._listener.open(self._config.digits)
        self._unused = await self._unused_socket.open(self._config.ip)
        broker = asyncio.create_task(self._broker.run())
        await self._broker.connected.wait()
        await self._engine.ask("ping")
        await self._open_sip()
        ready = self._config.directory / "ready"
        ready.write_text(f"{self._config.ip}:{self._config.sip_port}\n")
        log.info("ready: telephones are answered at %s:%s", self._config.ip, self._config.sip_port)
        await stop.wait()
        ready.unlink(missing_ok=True)
        await self._end_all_calls()
        await self._broker.wait_until_sent(3)
        broker.cancel()
        await self._uas.stop()
        for part in (self._engine, self._listener, self._unused_socket):
            part.close()

    async def _open_sip(self) -> None:
        """Begin to take calls from the edge."""
        self._uas.on_invite = self._begin_call
        self._uas.on_reinvite = _repeat_answer
        self._uas.on_bye = lambda sip, request: self._end_call(sip.call_id)
        self._uas.on_cancel = lambda request, source: self._end_call(request.call_id or "")
        self._uas.on_ack_timeout = self._uas.on_session_expired = lambda sip: self._end_call(
            sip.call_id
        )
        await self._uas.start()
        self._transport.on_message = self._take_sip

    def _take_sip(self, message: SipRequest | SipResponse, source: tuple[str, int]) -> None:
        """Hand a SIP message to the library, except for a repeated INVITE, which it would take for a second call."""
        is_first = isinstance(message, SipRequest) and message.method == "INVITE"
        address = message.to_addr
        if is_first and address and not address.tag and message.call_id in self._call_ids:
            return
        self._uas._on_message(message, source)

    def _begin_call(self, sip: IncomingCall) -> None:
        """Begin a new call, unless no number was dialled, the gate is full, or the telephone describes no sound."""
        offer, caller = sip.invite.text, _caller_of(sip.invite)
        if not caller.number:
            sip.reject(_NOT_FOUND)
            return
        if sip.sdp_offer is None or not offer or len(offer) > _MOST_CHARACTERS_OF_SDP:
            sip.reject(_NOT_ACCEPTABLE)
            return
        if len(self._calls) >= self._config.calls:
            sip.reject(_UNAVAILABLE)
            return
        assert self._unused is not None
        callid = uuid4().hex
        media = PhoneMedia(self._engine, callid, offer, self._unused)
        keys = self._listener.listen_to(callid)
        call = Call(self._config, self._questions, sip, caller, media, keys, callid)
        log.info("call %s from %s to %s", callid, caller.address, caller.number)
        task = asyncio.create_task(call.run())
        self._calls[callid] = call, task
        self._call_ids[sip.call_id] = callid
        task.add_done_callback(lambda task: self._forget_call(sip.call_id, task))

    def _forget_call(self, sip_id: str, task: asyncio.Task[None]) -> None:
        """Forget a call that has ended, and log the error if it has ended by one."""
        callid = self._call_ids.pop(sip_id, "")
        self._calls.pop(callid, None)
        self._listener.forget(callid)
        log.info("call %s is over", callid)
        if not task.cancelled() and (error := task.exception()):
            log.error("call %s: unforeseen", callid, exc_info=error)

    def _end_call(self, sip_id: str) -> None:
        """End the course of a call that the caller has hung up."""
        _, task = self._calls.get(self._call_ids.get(sip_id, ""), (None, None))
        if task:
            task.cancel()

    async def _end_all_calls(self) -> None:
        """Hang up all calls, because the gate stops."""
        tasks = [task for _, task in self._calls.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _take_message(self, body: Body, correlation_id: str) -> None:
        """Handle a message from the broker: an answer, or news about a call. Raises BadMessage."""
        message_class = TYPES.get(body["type"])
        message: Message | None = from_body(message_class, body) if message_class else None
        if isinstance(message, LegGone):
            addressed, _ = self._calls.get(message.callid, (None, None))
            if addressed and addressed.membership:
                addressed.membership.tell(message.reason)
        elif isinstance(message, ConferenceHasMoved):
            for call, _ in list(self._calls.values()):
                if call.membership and call.membership.e164 == message.e164:
                    call.membership.tell(LOST)
        elif message is not None:
            self._questions.take_answer(message, correlation_id)


def _place_of(config: GateConfig) -> Place:
    """Return the place of a gate at the broker: it reads a queue of its own, and what is told to all gates."""
    return Place(
        amqp_url=config.amqp_url,
        queue=gate_queue(config.ip, config.pid),
        route=Routes.TO_GATES,
        keys=(gate_key(config.ip, config.pid), Routes.TO_GATES.value.key),
        app_id=f"aps@{config.ip}",
        tls_authorities=config.tls_authorities,
    )


def _caller_of(invite: SipRequest) -> Caller:
    """Return who calls whom, by the first message of a call."""
    address = invite.from_addr
    user = cleaned((address.uri.user if address else None) or "")
    host = cleaned(address.uri.host if address else "")
    name = cleaned((address.display_name if address else None) or "")
    dialled = invite.uri.partition(":")[2].partition("@")[0].lstrip("+")
    return Caller(
        number=dialled if dialled.isascii() and dialled.isdigit() and len(dialled) <= 16 else "",
        address=(user or host or "anonymous")[:_MOST_CHARACTERS],
        name=(name or user or "Telephone")[:_MOST_CHARACTERS],
    )


def _repeat_answer(sip: IncomingCall) -> None:
    """Answer a telephone that describes its sound anew, for instance to hold the call, as it was answered before."""
    if sip.sdp_answer is None:
        sip.reject(_NOT_ACCEPTABLE)
    else:
        sip.accept(sip.sdp_answer)
