"""The record, in this site's Redis, of who is online, over which protocols, and with which presence.

Losing it does no lasting harm. Each person's devices are a hash of their own. What a batch of
messages needs of many people is one line each in `im:online`, kept by the same script: until when
the person is online over AMQP or STOMP ("a") and over MQTT ("m"). An emptied Redis is full again
after the next heartbeats; without Redis everybody counts as online.

| key | content |
---|---|
| `im:online` | hash, person -> `<second when a ends> <second when m ends>` |
| `im:devices:<person>` | hash, device -> `<way> <second when it ends>` |
| `im:silence` | sorted set, person -> when the person goes offline without a further heartbeat |
| `im:presence` | hash, person -> the chosen presence, unless it is "online" |
| `im:changed` | set: people whose presence may have changed, until somebody publishes it |
| `im:hidden` | set: people who hide their presence, and whose contacts were told "offline" for that |
| `im:seqs:<person>` | hash, device -> the `seqs` of its last heartbeat, as JSON: a hint, kept for 30 days |
| `im:flood` | hash, person -> until when the broker's auth backend refuses the person |
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache

import orjson
import redis

from foundation.cells.directory import own_platform, redis_of
from im.rules.vocabulary import SILENT_AFTER_SECONDS, Presence

ONLINE, SILENCE, CHOSEN, CHANGED, FLOOD = (
    "im:online",
    "im:silence",
    "im:presence",
    "im:changed",
    "im:flood",
)
HIDDEN = "im:hidden"
MOST_DEVICES = 32
"""A person has at most this many devices; a further one replaces the one that ends first."""
HINT_BYTES = 16 * 1024
"""The `seqs` of a device are kept up to this size."""
HINT_SECONDS = 30 * 86_400
SIGN_IN = "sign-in."
"""The device, by the protocol after it, that stands for a client until its first heartbeat."""

_KEEP = """
local devices, now = KEYS[1], tonumber(ARGV[2])
local user, most = ARGV[1], tonumber(ARGV[3])
if ARGV[5] ~= '' then redis.call('HSET', devices, ARGV[4], ARGV[5])
elseif ARGV[4] ~= '' then redis.call('HDEL', devices, ARGV[4]) end
if ARGV[6] ~= '' then
    redis.call('HSET', KEYS[6], ARGV[4], ARGV[6])
    redis.call('EXPIRE', KEYS[6], tonumber(ARGV[7]))
    if redis.call('HLEN', KEYS[6]) > most then
        local names = redis.call('HKEYS', KEYS[6])
        redis.call('HDEL', KEYS[6], names[1] ~= ARGV[4] and names[1] or names[2])
    end
end
local all, ends, count = redis.call('HGETALL', devices), {a = 0, m = 0}, 0
local first, least = nil, nil
for i = 1, #all, 2 do
    local way, till = string.match(all[i + 1], '^(%a) (%d+)$')
    till = tonumber(till)
    if till <= now then redis.call('HDEL', devices, all[i])
    else
        count = count + 1
        if till > ends[way] then ends[way] = till end
        if all[i] ~= ARGV[4] and (not least or till < least) then first, least = all[i], till end
    end
end
if count > most and first then redis.call('HDEL', devices, first) end
local was = redis.call('HEXISTS', KEYS[2], user)
if count == 0 then
    redis.call('HDEL', KEYS[2], user)
    redis.call('ZREM', KEYS[3], user)
    redis.call('HDEL', KEYS[4], user)
    if was == 1 then redis.call('SADD', KEYS[5], user) end
    return 0
end
local last = math.max(ends.a, ends.m)
redis.call('HSET', KEYS[2], user, string.format('%d %d', ends.a, ends.m))
redis.call('ZADD', KEYS[3], last, user)
redis.call('EXPIREAT', devices, last + 60)
if was == 0 then redis.call('SADD', KEYS[5], user) end
return 1
"""


@dataclass(frozen=True, slots=True)
class SignOfLife:
    """A sign that a person's device is online, over the protocol `way`: "a" (AMQP, STOMP) or "m" (MQTT).

    `seqs` holds, by conversation, the last entry that the device has, if it said so.
    """

    user: str
    device: str
    way: str
    seqs: Mapping[int, int] = field(default_factory=dict)


def _redis() -> redis.Redis:
    """Return the connection to the Redis of this site's own platform."""
    return redis_of(own_platform())


@cache
def _update_script() -> redis.commands.core.Script:
    """Return the Lua script that updates a person's devices."""
    return redis.commands.core.Script(_redis(), _KEEP)


def _update_devices(
    client: redis.Redis,
    user: str,
    now: float,
    device: str = "",
    line: str = "",
    seqs_json: str = "",
) -> None:
    """Store or remove a device of a person, and compute anew whether and over which protocols the person is online.

    `line` is `<protocol> <second when it ends>`, or "" to remove the device. `seqs_json` holds the last entries that
    the device has, or is "" to leave them. Without `device` only devices whose time is over are removed.
    """
    keys = [f"im:devices:{user}", ONLINE, SILENCE, CHOSEN, CHANGED, f"im:seqs:{user}"]
    args: list[str | int] = [user, int(now), MOST_DEVICES, device, line, seqs_json, HINT_SECONDS]
    _update_script()(keys=keys, args=args, client=client)


def record_device(user: str, device: str, way: str, now: float) -> None:
    """Record that a device is online; `way` is "a" (AMQP, STOMP) or "m" (MQTT).

    `now` is in seconds since 1970. Like all functions here but `protocols_of_online`, it raises redis.RedisError.
    """
    record_devices([SignOfLife(user, device, way)], now)


def record_devices(signs: Collection[SignOfLife], now: float) -> None:
    """Record that many devices are online, in one call to Redis; `now` is in seconds since 1970."""
    if not signs:
        return
    with _redis().pipeline(transaction=False) as pipe:
        for sign in signs:
            line = f"{sign.way} {int(now) + SILENT_AFTER_SECONDS}"
            _update_devices(pipe, sign.user, now, sign.device or sign.way, line, _seqs_json(sign))
        pipe.execute()


def record_sign_in(user: str, protocols: str, now: float) -> None:
    """Record a person as online after a sign-in, over each of these protocols ("a", "m" or "am").

    So a client that has bound its queue gets all messages, even before its first heartbeat.
    """
    record_devices([SignOfLife(user, SIGN_IN + protocol, protocol) for protocol in protocols], now)


def _seqs_json(sign: SignOfLife) -> str:
    """Return as JSON, for Redis, the last entries that a device has by its heartbeat (`seqs`).

    An empty text leaves the one of before: the heartbeat has no `seqs`, or more than HINT_BYTES.
    """
    if not sign.device or not sign.seqs:
        return ""
    text = orjson.dumps(sign.seqs, option=orjson.OPT_NON_STR_KEYS).decode()
    return text if len(text) <= HINT_BYTES else ""


def last_seqs(user: str, device: str) -> dict[int, int]:
    """Return the last entry that a device has by its last heartbeat: conversation -> seq; empty if none is stored."""
    text = _redis().hget(f"im:seqs:{user}", device)
    return {int(number): seq for number, seq in orjson.loads(text).items()} if text else {}


def remove_device(user: str, device: str, now: float) -> None:
    """Remove a device that has signed out."""
    _update_devices(_redis(), user, now, device)


def expire_silent(now: float, most: int = 500) -> list[str]:
    """Remove the devices of at most `most` people who sent no heartbeat in time.

    Return these people, who are offline now.
    """
    silent = _redis().zrangebyscore(SILENCE, "-inf", int(now), start=0, num=most)
    users = [str(user) for user in silent]
    with _redis().pipeline(transaction=False) as pipe:
        for user in users:
            _update_devices(pipe, user, now)
        pipe.execute()
    return users


def devices(user: str, now: float) -> dict[str, str]:
    """Return a person's devices that are online, and the protocol of each ("a" or "m")."""
    lines = _redis().hgetall(f"im:devices:{user}")
    fields = {str(device): str(line).split() for device, line in lines.items()}
    return {device: way for device, (way, end) in fields.items() if int(end) > now}


def protocols_of_online(users: Iterable[str], now: float) -> dict[str, str]:
    """Return those of these people who are online, and their protocols ("a", "m", "am").

    Without Redis it returns all of them with "am": a message that reaches nobody costs the broker
    little.
    """
    unique_users = list(dict.fromkeys(users))
    if not unique_users:
        return {}
    try:
        lines = _redis().hmget(ONLINE, unique_users)
    except redis.RedisError:
        return dict.fromkeys(unique_users, "am")
    ways_by_user = {}
    for user, line in zip(unique_users, lines, strict=True):
        if line is not None:
            amqp_until, mqtt_until = map(int, line.split())  # "a" is AMQP and STOMP, "m" MQTT
            if protocols := ("a" if amqp_until > now else "") + ("m" if mqtt_until > now else ""):
                ways_by_user[user] = protocols
    return ways_by_user


def online_users(most: int) -> list[str]:
    """Return at most `most` people who are online, those with the latest heartbeat first."""
    return [str(user) for user in _redis().zrevrange(SILENCE, 0, most - 1)]


# ---- presence -----------------------------------------------------------------------------------


def set_presence(user: str, state: Presence) -> None:
    """Set the presence (online, busy, ...) that a person shows while online."""
    with _redis().pipeline(transaction=False) as pipe:
        if state is Presence.ONLINE:
            pipe.hdel(CHOSEN, user)
        else:
            pipe.hset(CHOSEN, user, state.value)
        pipe.sadd(CHANGED, user)
        pipe.execute()


def mark_changed(user: str) -> None:
    """Mark that a person's presence may have changed, so that contacts are notified."""
    _redis().sadd(CHANGED, user)


def presence(users: Collection[str], now: float) -> dict[str, Presence]:
    """Return the presence (online, away, ...) of these people.

    INVISIBLE is returned as such; others must be shown OFFLINE instead.
    """
    user_list = list(users)
    if not user_list:
        return {}
    online_ways, chosen = protocols_of_online(user_list, now), _redis().hmget(CHOSEN, user_list)
    return {
        user: Presence(str(state or Presence.ONLINE)) if user in online_ways else Presence.OFFLINE
        for user, state in zip(user_list, chosen, strict=True)
    }


def choosing_invisible(users: Collection[str]) -> set[str]:
    """Return those of these people who have chosen to be invisible, whether they are online or not."""
    chosen = _redis().hmget(CHOSEN, list(users)) if users else []
    pairs = zip(users, chosen, strict=True)
    return {user for user, state in pairs if state and str(state) == Presence.INVISIBLE.value}


def record_hidden(hidden: Collection[str], shown: Collection[str]) -> set[str]:
    """Store which people hide their presence (`hidden`) and which do not (`shown`).

    Return those who begin to hide it now: their contacts must get "offline" once.
    """
    with _redis().pipeline(transaction=False) as pipe:
        for user in shown:
            pipe.srem(HIDDEN, user)
        for user in hidden:
            pipe.sadd(HIDDEN, user)
        added = pipe.execute()[len(shown) :]
    return {user for user, is_new in zip(hidden, added, strict=True) if is_new}


def pop_changed(most: int = 500) -> list[str]:
    """Remove at most `most` people from the list of those whose presence may have changed; return them.

    The caller must notify their contacts.
    """
    return [str(user) for user in _redis().spop(CHANGED, most) or ()]


# ---- floods -------------------------------------------------------------------------------------


def block_flooder(user: str, until: float) -> None:
    """Make the broker's auth backend refuse this person until the second `until` (since 1970), for sending too much."""
    _redis().hset(FLOOD, user, int(until))


def blocked_flooders(now: float) -> dict[str, int]:
    """Return the people whom the broker's auth backend refuses for flooding, and until when (seconds since 1970).

    Those whose time is over are deleted.
    """
    ends = {str(user): int(until) for user, until in _redis().hgetall(FLOOD).items()}
    if expired := [user for user, until in ends.items() if until <= now]:
        _redis().hdel(FLOOD, *expired)
    return {user: until for user, until in ends.items() if until > now}
