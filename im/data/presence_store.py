"""Who is online, where, and how reachable: in this site's Redis, which forgets nothing that matters.

A person's devices are a hash of their own; what a batch of messages needs of many people is one line
each in `im:online`, kept by the same script: when he falls silent over AMQP or STOMP ("a") and over
MQTT ("m"). Emptied, it is full again after the next heartbeats; meanwhile everybody counts as online.

| key | what |
|---|---|
| `im:online` | hash, person -> `<second of silence over a> <over m>` |
| `im:devices:<person>` | hash, device -> `<way> <second of silence>` |
| `im:silence` | sorted set, person -> when he falls silent, if nothing comes |
| `im:presence` | hash, person -> what he has chosen, while it is not "online" |
| `im:changed` | set: people whose presence may look different now, until somebody tells it |
| `im:flood` | hash, person -> until when the door refuses him |
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import cache
from typing import Any

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
MOST_DEVICES = 32
"""Of one person; a further one drives out who would fall silent first."""

_KEEP = """
local devices, now = KEYS[1], tonumber(ARGV[2])
local user, most = ARGV[1], tonumber(ARGV[3])
if ARGV[5] ~= '' then redis.call('HSET', devices, ARGV[4], ARGV[5])
elseif ARGV[4] ~= '' then redis.call('HDEL', devices, ARGV[4]) end
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


def _redis() -> redis.Redis:
    return redis_of(own_platform())


@cache
def _script() -> Any:
    return redis.commands.core.Script(_redis(), _KEEP)


def _keep(client: Any, user: str, now: float, device: str = "", line: str = "") -> None:
    keys = [f"im:devices:{user}", ONLINE, SILENCE, CHOSEN, CHANGED]
    _script()(keys=keys, args=[user, int(now), MOST_DEVICES, device, line], client=client)


def seen(user: str, device: str, way: str, now: float) -> None:
    """A device has signed in or given a sign of life; `way`: "a" or "m"; `now`: seconds since 1970.

    Raises redis.RedisError, like all here but `ways`.
    """
    _keep(_redis(), user, now, device or way, f"{way} {int(now) + SILENT_AFTER_SECONDS}")


def all_seen(devices: Collection[tuple[str, str, str]], now: float) -> None:
    """The same for many: `(user, device, way)`, in one exchange with Redis."""
    if not devices:
        return
    with _redis().pipeline(transaction=False) as pipe:
        for user, device, way in devices:
            _keep(pipe, user, now, device or way, f"{way} {int(now) + SILENT_AFTER_SECONDS}")
        pipe.execute()


def gone(user: str, device: str, now: float) -> None:
    """A device has signed out."""
    _keep(_redis(), user, now, device)


def lapsed(now: float, most: int = 500) -> list[str]:
    """People who have fallen silent; they count as gone from here on."""
    silent = _redis().zrangebyscore(SILENCE, "-inf", int(now), start=0, num=most)
    found = [str(user) for user in silent]
    with _redis().pipeline(transaction=False) as pipe:
        for user in found:
            _keep(pipe, user, now)
        pipe.execute()
    return found


def devices(user: str, now: float) -> dict[str, str]:
    """The devices of a person that live, and their way."""
    lines = _redis().hgetall(f"im:devices:{user}")
    found = {str(device): str(line).split() for device, line in lines.items()}
    return {device: way for device, (way, till) in found.items() if int(till) > now}


def ways(users: Iterable[str], now: float) -> dict[str, str]:
    """Of these people those who are online, and over which protocols ("a", "m", "am").

    Where Redis is gone: all of them, every way. What reaches nobody costs the broker little.
    """
    asked = list(dict.fromkeys(users))
    if not asked:
        return {}
    try:
        lines = _redis().hmget(ONLINE, asked)
    except redis.RedisError:
        return dict.fromkeys(asked, "am")
    found = {}
    for user, line in zip(asked, lines, strict=True):
        if line is not None:
            over_a, over_m = line.split()
            if how := ("a" if int(over_a) > now else "") + ("m" if int(over_m) > now else ""):
                found[user] = how
    return found


def online(most: int) -> list[str]:
    """People who are online, those who gave a sign of life last first."""
    return [str(user) for user in _redis().zrevrange(SILENCE, 0, most - 1)]


# ---- presence -----------------------------------------------------------------------------------


def choose(user: str, state: Presence) -> None:
    """How a person wants to be seen as long as he is online."""
    with _redis().pipeline(transaction=False) as pipe:
        if state is Presence.ONLINE:
            pipe.hdel(CHOSEN, user)
        else:
            pipe.hset(CHOSEN, user, state.value)
        pipe.sadd(CHANGED, user)
        pipe.execute()


def changed(user: str) -> None:
    """His presence may look different now to others."""
    _redis().sadd(CHANGED, user)


def presence(users: Collection[str], now: float) -> dict[str, Presence]:
    """How these people are; INVISIBLE is said as it is: others are shown OFFLINE for it."""
    asked = list(users)
    if not asked:
        return {}
    here, chosen = ways(asked, now), _redis().hmget(CHOSEN, asked)
    return {
        user: Presence(str(state or Presence.ONLINE)) if user in here else Presence.OFFLINE
        for user, state in zip(asked, chosen, strict=True)
    }


def to_be_told(most: int = 500) -> list[str]:
    """People whose presence has changed since the last call; whoever calls tells it."""
    return [str(user) for user in _redis().spop(CHANGED, most) or ()]


# ---- floods -------------------------------------------------------------------------------------


def flooding(user: str, until: float) -> None:
    """The door refuses this person until then (seconds since 1970)."""
    _redis().hset(FLOOD, user, int(until))


def floods(now: float) -> dict[str, int]:
    """Whom the door refuses, and until when; those whose time is over are forgotten."""
    found = {str(user): int(until) for user, until in _redis().hgetall(FLOOD).items()}
    if over := [user for user, until in found.items() if until <= now]:
        _redis().hdel(FLOOD, *over)
    return {user: until for user, until in found.items() if until > now}
