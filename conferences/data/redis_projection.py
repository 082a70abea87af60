"""The hash `confex/<number>` in Redis (the projection) shows a live conference to the platform's other modules.

It is written after each commit; nothing waits for it, and it can be rebuilt at any time. Conferences that could not be
written while Redis was away are read again from the database and written once Redis is back, because otherwise the hash
of an ended conference would stay for ever.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Iterable, Iterator

import redis
from django.db import DatabaseError, InterfaceError, connections

from conferences.data import restore_timeline, row_mapper
from conferences.rules.states import Conference
from foundation.cells import sql
from foundation.cells.directory import redis_of, store_of

log = logging.getLogger("conferences.projection")

_PAUSE_SECONDS = 2.0
"""For so many seconds after an error of Redis nothing is written to it."""
_paused_until = 0.0
"""Until this time of the monotonic clock nothing is written."""
_CHUNK = 500
_MAX_MISSED = 20_000
"""So many conferences of a platform are remembered in `_missed`; beyond that the oldest are forgotten."""
_missed: dict[str, dict[str, None]] = {}
"""Platform -> the ids of conferences that still have to be written; the inner dict serves as an ordered set."""
_retry: threading.Timer | None = None
_lock = threading.Lock()

_WRITE = """
local known = redis.call('HGET', KEYS[1], 'confid')
local rev = tonumber(redis.call('HGET', KEYS[1], 'revision') or '-1')
if known == ARGV[1] and rev >= tonumber(ARGV[2]) then return 0 end
if known and known > ARGV[1] then return 0 end
if ARGV[3] == 'ended' then
  redis.call('DEL', KEYS[1])
  redis.call('HSET', KEYS[1], 'confid', ARGV[1], 'revision', ARGV[2], 'state', 'ended')
  redis.call('EXPIRE', KEYS[1], 60)
  if KEYS[2] and redis.call('GET', KEYS[2]) == ARGV[4] then redis.call('DEL', KEYS[2]) end
  return 1
end
redis.call('PERSIST', KEYS[1])
redis.call('HSET', KEYS[1], 'confid', ARGV[1], 'revision', ARGV[2], unpack(ARGV, 5))
if KEYS[2] then redis.call('SET', KEYS[2], ARGV[4]) end
return 1
"""
"""The script writes one hash, and under the key of the short number the conference's number.

An older revision never replaces a newer one; the hash of an ended conference stays a minute. KEYS[1] is the hash,
KEYS[2] the key of the short number, if there is one; ARGV has confid, revision, state, number, then pairs of fields and
values."""


def conference_key(e164: str) -> str:
    """Return the Redis key of the hash that shows the live conference with this number to other modules."""
    return f"confex/{e164}"


def short_key(short: str) -> str:
    """Return the Redis key under which the number of the live conference with this short number is found."""
    return f"confshort/{short}"


def write_conferences(platform: str, conferences: Iterable[Conference]) -> bool:
    """Write a hash for each of these conferences to Redis.

    Return False if Redis does not answer; they are then written later.
    """
    global _paused_until
    to_write = list(conferences)
    if not to_write:
        return True
    if time.monotonic() < _paused_until:
        # Redis failed a moment ago: do not make every caller wait for it.
        _remember_missed(platform, to_write)
        return False
    try:
        client = redis_of(platform)
        with client.pipeline(transaction=False) as pipe:
            for conference in to_write:
                pairs = [
                    part for pair in row_mapper.redis_fields(conference).items() for part in pair
                ]
                keys = [
                    conference_key(conference.e164),
                    *([short_key(conference.shortnum)] if conference.shortnum else []),
                ]
                head = (
                    conference.confid,
                    str(conference.revision),
                    conference.state.value,
                    conference.e164,
                )
                pipe.eval(_WRITE, len(keys), *keys, *head, *pairs)
                restore_timeline.stage_restore(pipe, conference)
            pipe.execute()
    except redis.RedisError as error:
        log.warning("projection waits: %s", error)
        _paused_until = time.monotonic() + _PAUSE_SECONDS
        _remember_missed(platform, to_write)
        return False
    return True


def _remember_missed(platform: str, conferences: Iterable[Conference]) -> None:
    """Remember conferences that could not be written to Redis, and start a timer that writes them later.

    The oldest are forgotten above _MAX_MISSED. The timer is not started while one runs, unless that calls this
    function.
    """
    global _retry
    with _lock:
        missed = _missed.setdefault(platform, {})
        missed.update((conference.confid, None) for conference in conferences)
        while len(missed) > _MAX_MISSED:
            del missed[next(iter(missed))]
        if _retry is None or not _retry.is_alive() or _retry is threading.current_thread():
            _retry = threading.Timer(_PAUSE_SECONDS + 0.1, _write_missed_of_all_platforms)
            _retry.daemon = True
            _retry.start()


def _write_missed_of_all_platforms() -> None:
    """Write the conferences of all platforms that could not be written to Redis before, in the thread of the timer."""
    try:
        for platform in list(_missed):
            write_missed(platform)
    finally:
        connections.close_all()


def write_missed(platform: str) -> None:
    """Write to Redis, as they are now, the conferences of a platform that could not be written before.

    Ends early, with the rest remembered, while the database or Redis does not answer.
    """
    while confids := list(_missed.get(platform, ()))[:_CHUNK]:
        query = (
            f"SELECT {row_mapper.DETAIL_COLUMN} FROM conferences_conference"
            f" WHERE confid IN ({sql.marks(confids)})"
        )
        try:
            rows = sql.select(store_of(platform).database, query, confids)
        except (DatabaseError, InterfaceError) as error:
            log.warning("projection waits: %s", error)
            _remember_missed(platform, ())  # Starts the timer again.
            return
        if not write_conferences(platform, map(row_mapper.from_row, rows)):
            return
        with _lock:
            for confid in confids:
                _missed[platform].pop(confid, None)


def _forget_missed_after_fork() -> None:
    """Forget in a forked process which conferences are still to be written: the parent process writes them."""
    global _lock, _retry
    _lock, _retry = threading.Lock(), None
    _missed.clear()


os.register_at_fork(after_in_child=_forget_missed_after_fork)


def live_conferences(platform: str) -> Iterator[Conference]:
    """Yield all live conferences of a platform, read from its database in chunks."""
    store = store_of(platform)
    last_number = ""
    while True:
        rows = sql.select(
            store.database,
            f"SELECT {row_mapper.DETAIL_COLUMN}, live_e164 FROM conferences_conference"
            " WHERE live_e164 > %s ORDER BY live_e164 LIMIT %s",
            [last_number, _CHUNK],
        )
        yield from (row_mapper.from_row(row) for row in rows)
        if len(rows) < _CHUNK:
            return
        last_number = rows[-1][1]


def rebuild_hashes(platform: str) -> int:
    """Write the hashes of all live conferences of a platform to Redis, and return how many."""
    count = 0
    chunk: list[Conference] = []
    for conference in live_conferences(platform):
        chunk.append(conference)
        if len(chunk) == _CHUNK:
            write_conferences(platform, chunk)
            count, chunk = count + len(chunk), []
    write_conferences(platform, chunk)
    return count + len(chunk)


_DROP = """
if redis.call('HGET', KEYS[1], 'confid') == ARGV[1] and redis.call('HGET', KEYS[1], 'revision') == ARGV[2]
then return redis.call('DEL', KEYS[1]) end
return 0
"""
"""The script deletes a hash unless it changed since it was read: another conference may have the number by now."""

_DROP_SHORT = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
"""
"""The script deletes the key of a short number unless its value changed since it was read."""


def rebuild_and_clean_hashes(platform: str) -> int:
    """Write the hashes of all live conferences of a platform to Redis, and delete those of all other conferences.

    Returns the number of live conferences. Raises redis.RedisError.
    """
    client = redis_of(platform)
    # Redis is listed before the database is read, so that the hash of a conference that is new then is not deleted.
    hashes = {}
    for name in client.scan_iter(conference_key("*"), count=1000):
        hashes[name] = client.hmget(name, "confid", "revision")
    shorts = {name: client.get(name) for name in client.scan_iter(short_key("*"), count=1000)}
    conferences = [
        (conference.e164, conference.shortnum) for conference in live_conferences(platform)
    ]
    numbers = {conference_key(e164) for e164, _ in conferences}
    number_of = {short_key(short): e164 for e164, short in conferences}
    for name, number in shorts.items():
        if number_of.get(name) != number:
            client.eval(_DROP_SHORT, 1, name, number or "")
    for name, (confid, revision) in hashes.items():
        if name not in numbers:
            client.eval(_DROP, 1, name, confid or "", revision or "")
    return rebuild_hashes(platform)
