"""The hash `confex/<number>` in Redis shows a conference to the platform's other modules.

It is written from the row after the commit, nothing waits for it, and it can be rebuilt at any time. What
could not be written while Redis was away is read again from the database, and written, once Redis is
back: a number left behind there would be shown for ever.
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

_REST_SECONDS = 2.0
_rests_until = 0.0
_CHUNK = 500
_MOST_MISSED = 20_000
_missed: dict[str, dict[str, None]] = {}
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
  return 1
end
redis.call('PERSIST', KEYS[1])
redis.call('HSET', KEYS[1], 'confid', ARGV[1], 'revision', ARGV[2], unpack(ARGV, 4))
return 1
"""
"""A newer revision wins, whichever process comes first; an ended conference stays for a minute.

KEYS[1] is the hash; ARGV holds confid, revision, state, then pairs of fields and values."""


def key(e164: str) -> str:
    """Return the key of the hash of a live number."""
    return f"confex/{e164}"


def write(platform: str, conferences: Iterable[Conference]) -> bool:
    """Write these conferences; False means that Redis is away, and they are written once it is back."""
    global _rests_until
    to_write = list(conferences)
    if not to_write:
        return True
    if time.monotonic() < _rests_until:
        _remember_missed(platform, to_write)
        return False
    try:
        client = redis_of(platform)
        with client.pipeline(transaction=False) as pipe:
            for c in to_write:
                pairs = [part for pair in row_mapper.projection(c).items() for part in pair]
                pipe.eval(_WRITE, 1, key(c.e164), c.confid, str(c.revision), c.state.value, *pairs)
                restore_timeline.stage(pipe, c)
            pipe.execute()
    except redis.RedisError as error:
        log.warning("projection waits: %s", error)
        _rests_until = time.monotonic() + _REST_SECONDS
        _remember_missed(platform, to_write)
        return False
    return True


def _remember_missed(platform: str, conferences: Iterable[Conference]) -> None:
    """Remember which conferences are to be written again, and set the timer that does it."""
    global _retry
    with _lock:
        missed = _missed.setdefault(platform, {})
        missed.update((c.confid, None) for c in conferences)
        while len(missed) > _MOST_MISSED:
            del missed[next(iter(missed))]
        if _retry is None or not _retry.is_alive() or _retry is threading.current_thread():
            _retry = threading.Timer(_REST_SECONDS + 0.1, _write_missed)
            _retry.daemon = True
            _retry.start()


def _write_missed() -> None:
    """Write what was missed, in the thread of the timer."""
    try:
        for platform in list(_missed):
            write_missed(platform)
    finally:
        connections.close_all()


def write_missed(platform: str) -> None:
    """Write the conferences of a platform that were missed, with their present values."""
    while confids := list(_missed.get(platform, ()))[:_CHUNK]:
        query = (
            f"SELECT {row_mapper.DETAIL_COLUMN} FROM conferences_conference"
            f" WHERE confid IN ({sql.marks(confids)})"
        )
        try:
            rows = sql.select(store_of(platform).database, query, confids)
        except (DatabaseError, InterfaceError) as error:
            log.warning("projection waits: %s", error)
            _remember_missed(platform, ())
            return
        if not write(platform, map(row_mapper.from_row, rows)):
            return
        with _lock:
            for confid in confids:
                _missed[platform].pop(confid, None)


def _after_fork() -> None:
    """Forget what was missed: the parent process writes it."""
    global _lock, _retry
    _lock, _retry = threading.Lock(), None
    _missed.clear()


os.register_at_fork(after_in_child=_after_fork)


def live(platform: str) -> Iterator[Conference]:
    """Yield all live conferences of a platform's database."""
    store = store_of(platform)
    last = ""
    while True:
        rows = sql.select(
            store.database,
            f"SELECT {row_mapper.DETAIL_COLUMN}, live_e164 FROM conferences_conference"
            " WHERE live_e164 > %s ORDER BY live_e164 LIMIT %s",
            [last, _CHUNK],
        )
        yield from (row_mapper.from_row(row) for row in rows)
        if len(rows) < _CHUNK:
            return
        last = rows[-1][1]


def rebuild(platform: str) -> int:
    """Write all live conferences again, and return how many."""
    count = 0
    chunk: list[Conference] = []
    for c in live(platform):
        chunk.append(c)
        if len(chunk) == _CHUNK:
            write(platform, chunk)
            count, chunk = count + len(chunk), []
    write(platform, chunk)
    return count + len(chunk)


_DROP = """
if redis.call('HGET', KEYS[1], 'confid') == ARGV[1] and redis.call('HGET', KEYS[1], 'revision') == ARGV[2]
then return redis.call('DEL', KEYS[1]) end
return 0
"""
"""Delete a hash only if it is as it was when it was read: another conference may have the number by now."""


def refresh(platform: str) -> int:
    """Write all live conferences, delete hashes of others, and return how many live.

    Raises redis.RedisError.
    """
    client = redis_of(platform)
    hashes = {}
    for name in client.scan_iter(key("*"), count=1000):
        hashes[name] = client.hmget(name, "confid", "revision")
    numbers = {key(c.e164) for c in live(platform)}
    for name, (confid, revision) in hashes.items():
        if name not in numbers:
            client.eval(_DROP, 1, name, confid or "", revision or "")
    return rebuild(platform)
