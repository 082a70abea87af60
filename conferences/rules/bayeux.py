"""The rules of Bayeux 1.0, the protocol of CometD: channels, subscriptions, and what the server answers. Pure."""

from __future__ import annotations

import re

from foundation.json_value import JSONObject, JSONValue

TRANSPORTS = ("websocket", "long-polling", "callback-polling")
MAX_HOLD_MS = 30_000
"""A message `/meta/connect` is answered after this time at the latest, in milliseconds."""
# Advices: what a client does next, after an interval in milliseconds.
RETRY: JSONObject = {"reconnect": "retry", "interval": 0, "timeout": MAX_HOLD_MS}
SIGN_IN_AGAIN: JSONObject = {"reconnect": "none"}
ASK_LATER: JSONObject = {"reconnect": "handshake", "interval": 5000}
NEW_HANDSHAKE: JSONObject = {"reconnect": "handshake", "interval": 0}
SLOW_DOWN: JSONObject = {"reconnect": "retry", "interval": 1000}

_ROOT = "/userdomains/"
_SEGMENT = r"[A-Za-z0-9\-_!~()$@:%.+]+"
_SUBSCRIPTION = re.compile(rf"(?:/{_SEGMENT})*/(?:{_SEGMENT}|\*\*?)")
_LONGEST = 255


def channel_of(user_domain: str, channel: str) -> str:
    """Return the channel on which clients receive an event of a user domain."""
    return f"{_ROOT}{user_domain}{channel}"


def matching_subscriptions(channel: str) -> tuple[str, ...]:
    """Return all subscriptions that receive the messages of a channel: the channel itself, and those with a wildcard.

    A wildcard stands at the end: `*` for one segment, `**` for one or more. For instance `/a/b` is received by
    `/a/b`, `/a/*`, `/a/**` and `/**`.
    """
    above = channel.split("/")[:-1]
    parents = ["/".join(above[:count]) for count in range(len(above), 0, -1)]
    return (channel, f"{parents[0]}/*", *(f"{parent}/**" for parent in parents))


def named_subscription(message: JSONObject) -> JSONValue:
    """Return the field `subscription` of a message, which the answer repeats: a channel, or a list of channels."""
    named = message.get("subscription")
    if isinstance(named, list) and all(isinstance(name, str) for name in named):
        return named
    return named if isinstance(named, str) else None


def why_not_subscribed(subscription: JSONValue, user_domain: str) -> str:
    """Return why a client of this user domain may not use this subscription, as a Bayeux error; "" if it may."""
    if not isinstance(subscription, str) or not _SUBSCRIPTION.fullmatch(subscription):
        return f"400:{str(subscription)[:_LONGEST]}:subscription: a channel, with a wildcard only at its end"
    if len(subscription) > _LONGEST:
        return "400::subscription: is longer than 255 letters"
    if not subscription.startswith(f"{_ROOT}{user_domain}/"):
        return f"403:{subscription}:subscription: must begin with {_ROOT}{user_domain}/"
    return ""


def answer(message: JSONObject, **fields: JSONValue) -> JSONObject:
    """Return the server's answer to a Bayeux message of a client: the message's channel, its id, and these fields.

    An id that is neither a text nor a number is not repeated, because JSON that can be read may be nested too deeply to
    be written again.
    """
    reply: JSONObject = {"channel": message.get("channel"), **fields}
    if isinstance(message.get("id"), str | int | float):
        reply["id"] = message["id"]
    return reply


def accepted(message: JSONObject, client_id: str, **fields: JSONValue) -> JSONObject:
    """Return the answer to a Bayeux message of a client's session that it has succeeded."""
    return answer(message, clientId=client_id, successful=True, **fields)


def refused(message: JSONObject, error: str, **fields: JSONValue) -> JSONObject:
    """Return the answer to a Bayeux message that it has failed; `error` has the form `code:arguments:text`."""
    return answer(message, successful=False, error=error, **fields)


def unknown_client(message: JSONObject) -> JSONObject:
    """Return the answer that the session of a message does not exist any more, with the advice to open a new one."""
    client_id = str(message.get("clientId") or "")[:64]
    return refused(message, f"402:{client_id}:unknown client", advice=NEW_HANDSHAKE)


def welcome(message: JSONObject, client_id: str, user_domain: str) -> JSONObject:
    """Return the answer that a handshake has succeeded; clients build their channels from its `user_domain_moid`."""
    return accepted(
        message,
        client_id,
        version="1.0",
        minimumVersion="1.0",
        supportedConnectionTypes=list(TRANSPORTS),
        ext={"user_domain_moid": user_domain, "ack": True, "replay": True},
        advice=RETRY,
    )


def wants_acknowledgements(message: JSONObject) -> bool:
    """Return whether a handshake asks for the acknowledge extension."""
    ext = message.get("ext")
    return isinstance(ext, dict) and bool(ext.get("ack"))


def acknowledged_batch(message: JSONObject) -> int:
    """Return the number of the last batch that a client has received, as its `/meta/connect` says; -1 means none."""
    ext = message.get("ext")
    batch = ext.get("ack") if isinstance(ext, dict) else None
    return batch if isinstance(batch, int) and not isinstance(batch, bool) else -1


def replay_from(message: JSONObject, subscription: str) -> int | None:
    """Return the number of the last event that a subscribing client has seen; `None` if it wants new events only.

    The client names it in `ext.replay`: one number, or one for each channel, as in `{"replay": {"/channel/**": 17}}`.
    """
    ext = message.get("ext")
    replay = ext.get("replay") if isinstance(ext, dict) else None
    number = replay.get(subscription) if isinstance(replay, dict) else replay
    is_number = isinstance(number, int) and not isinstance(number, bool) and number >= 0
    return number if is_number else None  # type: ignore[return-value]  # it is an int where `is_number`


def wants_answer_at_once(message: JSONObject) -> bool:
    """Return whether the client wants its `/meta/connect` answered at once, also if there are no messages for it."""
    advice = message.get("advice")
    return isinstance(advice, dict) and advice.get("timeout") == 0
