"""The exchange answers the messages of Bayeux that come by HTTP or WebSocket: it opens, changes and ends sessions.

It leaves the answer to a `/meta/connect` to `long_polling` and `web_socket`, which give it when there are messages or
its time is over (`HeldConnect`).
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from django.conf import settings
from django.db import Error

from conferences.api.push import metrics
from conferences.api.push.callers import Caller, Credentials, identify_caller
from conferences.api.push.database import in_thread
from conferences.api.push.hub import READ_AT_ONCE, Hub, PushedEvent
from conferences.api.push.limits import (
    MOST_REPLAYED,
    MOST_SUBSCRIPTIONS,
    SESSION_SECONDS,
    RateLimitPerPerson,
)
from conferences.api.push.session import Session
from conferences.rules import bayeux
from foundation.bus import events
from foundation.cells.directory import store_of
from foundation.json_value import JSONObject, JSONValue
from foundation.web.errors import Refusal

log = logging.getLogger("conferences.push")

_HANDSHAKES_PER_SECOND = 20.0
"""The limit of new sessions of one person; as many as a person may have can be opened at once."""
_NOT_STORED = "416::ext.replay: not all events since are stored; read everything again"
_TOO_MANY = "429::ext.replay: too many events were asked for again; wait, or read everything again"


class HeldConnect(NamedTuple):
    """A `/meta/connect` that is answered when there are messages, or without delay if `at_once`."""

    session: Session
    message: JSONObject
    at_once: bool


class Answered(NamedTuple):
    """Represent the result of a request with messages.

    `replies`: answers to all messages but `/meta/connect`; `held`: the `/meta/connect` among them, which is answered
    later, if there was one; `session`: the session of the last message.
    """

    replies: list[JSONObject]
    held: HeldConnect | None
    session: Session | None


class Exchange:
    """The exchange holds the Bayeux sessions of all clients of this process, and answers their messages."""

    def __init__(self, hub: Hub, replays: RateLimitPerPerson) -> None:
        """Begin without sessions. `hub` hands out events. `replays`: the limit of past events for each person."""
        self._hub = hub
        self.sessions: dict[str, Session] = {}
        self._session_counts: Counter[str] = Counter()
        burst = float(settings.PUSH_SESSIONS_PER_USER)
        self._handshakes = RateLimitPerPerson(_HANDSHAKES_PER_SECOND, burst)
        self._replays = replays

    # ---- messages ---------------------------------------------------------------------------

    async def answer(self, messages: Sequence[JSONValue], credentials: Credentials) -> Answered:
        """Answer the Bayeux messages of one HTTP request, in order. `credentials`: those of the request.

        Returns the replies, the `/meta/connect` that waits for events (`None` if there is none), and the client's
        session.
        """
        replies: list[JSONObject] = []
        held: HeldConnect | None = None
        session: Session | None = None
        for message in messages:
            if not isinstance(message, dict) or not isinstance(message.get("channel"), str):
                replies.append(bayeux.refused({}, "400::a message is an object with a channel"))
            elif message["channel"] == "/meta/handshake":
                if message is not messages[0]:
                    error = "400::a handshake is the first message of its request"
                    replies.append(bayeux.refused(message, error))
                    continue
                replies.append(reply := await self._open_session(message, credentials))
                session = self.sessions.get(str(reply.get("clientId")))
            elif (session := self._session_of(message, credentials)) is None:
                replies.append(bayeux.unknown_client(message))
            elif not session.rate_limit.allows():
                error = "429::too many messages; wait a second"
                replies.append(bayeux.refused(message, error, advice=bayeux.SLOW_DOWN))
            elif message["channel"] == "/meta/connect":
                held = self._hold_connect(session, message, is_alone=len(messages) == 1)
            else:
                replies.append(await self._carry_out_message(session, message))
        return Answered(replies, held, session)

    def _session_of(self, message: JSONObject, credentials: Credentials) -> Session | None:
        """Return the client's session that a message names.

        `None` if it is unknown, has ended or belongs to another caller. A request without credentials is accepted,
        since the id of a session cannot be guessed; one with other credentials than those of the handshake is not.
        """
        session = self.sessions.get(str(message.get("clientId")))
        if session is None or session.ended:
            return None
        if any(
            presented and known and presented != known
            for presented, known in zip(credentials, session.caller.credentials, strict=True)
        ):
            return None
        session.seen_at = time.monotonic()
        return session

    def _hold_connect(
        self, session: Session, message: JSONObject, *, is_alone: bool
    ) -> HeldConnect:
        """Make a `/meta/connect` the current one of its session, and return it with whether it is answered at once.

        (A client of Bayeux sends this request to wait for events; the answer is held back until there are some.) An
        earlier one that is still held is answered now. `is_alone`: it is the only message of its request.
        """
        is_first = session.connects == 0
        session.connects += 1
        if session.acks:
            session.acknowledge(bayeux.acknowledged_batch(message))
        session.wake.set()
        # The first one is answered at once, with the advice how to go on; so is one whose request has other messages,
        # since their answers are sent together with its own.
        at_once = is_first or not is_alone or bayeux.wants_answer_at_once(message)
        return HeldConnect(session, message, at_once)

    def reply_to_connect(self, held: HeldConnect) -> JSONObject:
        """Return the answer to a `/meta/connect`. It names the batch number of `Session.drain`, called before."""
        session, message = held.session, held.message
        if session.ended:
            return bayeux.unknown_client(message)
        advice: JSONObject = {"advice": bayeux.RETRY} if held.at_once else {}
        ack: JSONObject = {"ext": {"ack": session.last_batch}} if session.acks else {}
        return bayeux.accepted(message, session.id, **advice, **ack)

    # ---- sessions ---------------------------------------------------------------------------

    async def _open_session(self, message: JSONObject, credentials: Credentials) -> JSONObject:
        """Answer a handshake: with the id of a new session if the client has signed in, else with a refusal.

        The refusal's advice tells the client whether to sign in again or to ask later.
        """
        try:
            caller = await in_thread(identify_caller, _with_ext(credentials, message))
            if error := self._why_no_session(caller):
                return bayeux.refused(message, error, advice=bayeux.ASK_LATER)
            session = Session(caller, acks=bayeux.wants_acknowledgements(message))
            await self._hub.join(session, caller.user_domain, caller.platform)
        except Refusal as refusal:
            ext: JSONObject = {"error_code": refusal.error_code}
            # The refusal of a platform that another site serves names that site: the client asks again later.
            advice = bayeux.ASK_LATER if "serving" in refusal.more else bayeux.SIGN_IN_AGAIN
            error = f"403:{refusal.error_code}:{refusal.description}"
            return bayeux.refused(message, error, advice=advice, ext=ext)
        except Error:
            return bayeux.refused(message, "503::the database is away", advice=bayeux.ASK_LATER)
        self.sessions[session.id] = session
        self._session_counts[caller.account] += 1
        metrics.CLIENTS.labels("session").inc()
        return bayeux.welcome(message, session.id, caller.user_domain)

    def _why_no_session(self, caller: Caller) -> str:
        """Return why a person may open no further session, as a Bayeux error; "" if the person may."""
        if not self._handshakes.allows(caller.account):
            return "429::too many handshakes of this person; wait"
        if self._session_counts[caller.account] >= settings.PUSH_SESSIONS_PER_USER:
            return "503::this person has too many sessions; disconnect some"
        if len(self.sessions) >= settings.PUSH_SESSIONS:
            log.warning("refused a session: %d are open (PUSH_SESSIONS)", len(self.sessions))
            return "503::too many sessions; try again later"
        return ""

    async def _carry_out_message(self, session: Session, message: JSONObject) -> JSONObject:
        """Carry out a message that subscribes, unsubscribes or disconnects, and return the answer; refuse any other."""
        match message["channel"]:
            case "/meta/subscribe":
                return await self._subscribe(session, message)
            case "/meta/unsubscribe":
                session.subscriptions.difference_update(_subscriptions_of(message))
                return _answered(session, message)
            case "/meta/disconnect":
                self.close_session(session, "left")
                return bayeux.accepted(message, session.id)
            case channel:
                return bayeux.refused(
                    message, f"403:{str(channel)[:255]}:clients do not publish here"
                )

    async def _subscribe(self, session: Session, message: JSONObject) -> JSONObject:
        """Add subscriptions to a session and confirm them; or refuse all of them, with the reason.

        Past events are queued too if the client names the last event that it has seen. Returns the answer.
        """
        wanted = _subscriptions_of(message)
        subscription = bayeux.named_subscription(message)
        error = next(
            filter(
                None,
                (bayeux.why_not_subscribed(name, session.caller.user_domain) for name in wanted),
            ),
            "" if wanted else "400::subscription: is missing",
        )
        if not error and len(session.subscriptions | set(wanted)) > MOST_SUBSCRIPTIONS:
            error = f"403::subscription: at most {MOST_SUBSCRIPTIONS} in a session"
        if error:
            return bayeux.refused(message, error, clientId=session.id, subscription=subscription)
        seen = {
            name: number
            for name in wanted
            if (number := bayeux.replay_from(message, name)) is not None
        }
        if seen and (error := await self._queue_past_events(session, seen)):
            return bayeux.refused(message, error, clientId=session.id, subscription=subscription)
        session.subscriptions.update(wanted)
        return _answered(session, message)

    async def _queue_past_events(self, session: Session, seen: Mapping[str, int]) -> str:
        """Put events of the past into a session's queue, up to those that the hub hands out next.

        `seen`: subscription -> number of the last event that the client has seen. Returns a Bayeux error if not all of
        them can be had, else "". Nothing is awaited between the last event and the return, so that the new
        subscriptions, which the caller adds then, miss none.
        """
        caller, last_seen = session.caller, min(seen.values())
        database, first = store_of(caller.platform).database, last_seen
        audience = self._hub.audiences.get(caller.user_domain)
        missed = audience.position - first if audience else 0
        if 0 < missed <= MOST_REPLAYED and not self._replays.allows(caller.account, missed):
            return _TOO_MANY
        while (audience := self._hub.audiences.get(caller.user_domain)) and (
            last_seen < audience.position
        ):
            if audience.position - first > MOST_REPLAYED:
                return _NOT_STORED
            positions = {caller.user_domain: last_seen}
            try:
                rows = await in_thread(events.read_events_after, database, positions, READ_AT_ONCE)
            except Error:
                return _NOT_STORED
            if not rows or rows[0].seq != last_seen + 1:
                return _NOT_STORED
            for row in rows:
                if row.seq > audience.position:
                    return ""
                last_seen = row.seq
                _put_missed(session, PushedEvent(row), seen)
        return ""

    def close_session(self, session: Session, reason: str) -> None:
        """End a client's session for this reason (a word for the metrics), and forget it.

        Do nothing more if it was forgotten.
        """
        session.end(reason)
        if self.sessions.pop(session.id, None) is None:
            return
        self._hub.leave(session, session.caller.user_domain)
        account = session.caller.account
        self._session_counts[account] -= 1
        if self._session_counts[account] <= 0:
            del self._session_counts[account]
        metrics.CLIENTS.labels("session").dec()

    def sweep(self) -> None:
        """Forget the sessions that have ended, and those whose clients have had no connection for long."""
        for session in list(self.sessions.values()):
            if session.ended:
                self.close_session(session, session.ended)
            elif session.is_forsaken(SESSION_SECONDS):
                self.close_session(session, "away")


def _put_missed(session: Session, event: PushedEvent, seen: Mapping[str, int]) -> None:
    """Put a past event into a session's queue, if a new subscription matches it, and none that the session had before.

    `seen`: subscription -> number of the last event that the client has seen.
    """
    is_missed = any(seen.get(name, event.seq) < event.seq for name in event.patterns)
    if is_missed and session.subscriptions.isdisjoint(event.patterns):
        session.put(event.message)


def _with_ext(credentials: Credentials, message: JSONObject) -> Credentials:
    """Return the credentials of a handshake: those of its HTTP request, or else the token in the field `ext`."""
    ext = message.get("ext")
    if credentials != Credentials() or not isinstance(ext, dict):
        return credentials
    token = ext.get("account_token") or ext.get("token")
    return Credentials(token=token) if isinstance(token, str) else credentials


def _subscriptions_of(message: JSONObject) -> list[str]:
    """Return the channels that a message names; a client may name one, or a list."""
    named = message.get("subscription")
    names = named if isinstance(named, list) else [] if named is None else [named]
    return [
        name if isinstance(name, str) else str(name) for name in names[: MOST_SUBSCRIPTIONS + 1]
    ]


def _answered(session: Session, message: JSONObject) -> JSONObject:
    """Return the answer to a message that has added or removed a subscription; it names the channel once more."""
    named = bayeux.named_subscription(message)
    return bayeux.accepted(message, session.id, subscription=named)
