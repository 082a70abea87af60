"""What `manage.py doctor` looks at: each check says what is wrong in words, and what to do. Read-only but for `mend`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import redis
from django.conf import settings
from django.db import DatabaseError, connections
from django.db.migrations.executor import MigrationExecutor

from conferences.data import recount, redis_projection
from conferences.data.pool import Pool, name_of
from conferences.data.pool_view import load_resources
from conferences.rules.states import Conference, ConferenceState
from domains.data import redis_projection as domain_projection
from domains.data.queries import follow_state, follower_lags
from foundation import clock
from foundation.bus.amqp import BROKER_ERRORS, close, connect
from foundation.bus.backlog import MOST_COUNTED, Waiting, of_destination, waiting
from foundation.bus.parked_messages import undecided
from foundation.cells import sql
from foundation.cells.directory import own_platform, redis_of, store_of
from foundation.cells.serving import read
from licensing.data import redis_projection as licence_projection
from licensing.data.queries import over_licence, state_of
from wire.routes import DEAD_QUEUE, Routes

CLOCKS_APART = 1.0
OUTBOX_AGE = 10.0
FOLLOWER_AGE = 60.0
LONG_QUEUE = 1000
OVERDUE_SECONDS = 15
SETTLES_IN = 1.5
"""Projections follow a commit: what differs is looked at once more after so long."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: all well, or what is wrong and what to do."""

    check: str
    wrong: str = ""
    todo: str = ""

    @property
    def well(self) -> bool:
        """Nothing to do?"""
        return not self.wrong


def examine() -> Iterator[Finding]:
    """All checks, the ones that others rest on first; what rests on a dead server is left out."""
    platform = own_platform()
    database, cache, broker = _database(platform), _redis(platform), _broker()
    yield from (database, cache)
    yield from broker
    if not database.well:
        return
    checks: list[Callable[[str], Finding]] = [_migrated, _owner, _clocks, _seats, _numbers]
    checks += [_outbox, _parked, _timers, _core_tree, _followers]
    checks += [_licence] if "css" in settings.ROLES else []
    if cache.well:
        checks += [_units] if "rms" in settings.ROLES else []
        checks += [_licence_projection] if "css" in settings.ROLES else []
        checks += [_projection, _pool, _domain_projection]
    for check in checks:
        yield check(platform)
    yield from _links(platform)


def mend(platform: str) -> str:
    """Build projection and pool again from the database; what was done."""
    client: Any = redis_of(platform)
    stale = list(client.scan_iter("confex/*", 1000))
    live = {redis_projection.key(c.e164) for c in redis_projection.live(platform)}
    gone = [key for key in stale if key not in live and client.hget(key, "state") != "ended"]
    kept = ("rms:why:", "rms:tired:")
    pool = [key for key in client.scan_iter("rms:*", 1000) if not key.startswith(kept)]
    for key in (*gone, *pool):
        client.delete(key)
    Pool(platform).rebuild()
    licence_projection.rebuild(platform)
    domain_projection.rebuild(platform)
    wrong = recount.correct_counts(platform)
    return (
        f"{len(live)} conferences projected, {len(gone)} stale ones removed, the pool built again,"
        f" {wrong} counts put right"
    )


# ---- servers ------------------------------------------------------------------------------------


def _database(platform: str) -> Finding:
    try:
        sql.select(store_of(platform).database, "SELECT 1")
    except DatabaseError as wrong:
        return Finding("database", f"does not answer: {wrong}", "start it; check DATABASE_URL")
    return Finding("database")


def _redis(platform: str) -> Finding:
    try:
        redis_of(platform).ping()
    except redis.RedisError as wrong:
        return Finding("redis", f"does not answer: {wrong}", "start it; check REDIS_URL")
    return Finding("redis")


def _broker() -> list[Finding]:
    try:
        connection = connect(settings.AMQP_URL)
    except BROKER_ERRORS as wrong:
        return [Finding("broker", f"does not answer: {wrong}", "start it; check AMQP_URL")]
    try:
        return [Finding("broker"), *(_queue(connection, name) for name in _queues())]
    finally:
        close(connection, politely=True)


def _queues() -> list[str]:
    return sorted({r.value.queue for r in Routes if r.value.queue} | {DEAD_QUEUE})


OURS = frozenset(
    route.value.queue
    for route in (
        Routes.CM_TO_CSS,
        Routes.CM_TO_UNIT,
        Routes.UNIT_TO_CSS,
        Routes.RMS_TO_CSS,
        Routes.MS_TO_CSS,
        Routes.LICENCE_NOTICE,
    )
)
"""Without consumers of these nothing moves; the others may be somebody else's."""


def _queue(connection: Any, name: str) -> Finding:
    channel = connection.channel()
    try:
        answer = channel.queue_declare(name, passive=True)
    except BROKER_ERRORS:
        return Finding(f"queue {name}", "is not declared", "run manage.py declare_topology")
    channel.close()
    if name in OURS and not answer.consumer_count and "css" in settings.ROLES:
        return Finding(f"queue {name}", "nobody consumes it", "start celery worker; see its log")
    if name in OURS and answer.message_count > LONG_QUEUE:
        wrong = f"{answer.message_count} messages wait"
        return Finding(f"queue {name}", wrong, "start more celery workers; see their logs")
    return Finding(f"queue {name}")


# ---- the database -------------------------------------------------------------------------------


def _migrated(platform: str) -> Finding:
    executor = MigrationExecutor(connections[store_of(platform).database])
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if missing:
        return Finding("migrations", f"{len(missing)} are not applied", "run manage.py migrate")
    return Finding("migrations")


def _owner(platform: str) -> Finding:
    serving = read(platform)
    if serving is None:
        return Finding("cell", "the platform is not provisioned", "run manage.py provision")
    if not serving.is_owned_here:
        trouble = f"{serving.owner} serves this platform; we answer 29005"
        return Finding("cell", trouble, "hand it back once this site is sound")
    if serving.read_only:
        trouble = "the database takes no writes; we answer 29005"
        return Finding("cell", trouble, "see the cell agent's log: it opens it, or hands it over")
    return Finding("cell")


def _clocks(platform: str) -> Finding:
    before = clock.now()
    found = sql.select(store_of(platform).database, "SELECT UTC_TIMESTAMP(6)")
    there, after = found[0][0].replace(tzinfo=before.tzinfo), clock.now()
    apart = max((before - there).total_seconds(), (there - after).total_seconds(), 0.0)
    if apart > CLOCKS_APART:
        wrong = f"this machine and the database are {apart:.1f} s apart"
        return Finding("clocks", wrong, "let NTP set both; until then time-outs are wrong")
    return Finding("clocks")


def _seats(platform: str) -> Finding:
    """Seats, terminals and ports, counted again from the live conferences."""
    found = recount.drift(platform)
    if not found:
        return Finding("seats")
    wrong = f"{len(found)} domains are counted wrong, for instance {found[0]}"
    return Finding("seats", wrong, "a bug: keep the log; manage.py doctor --mend counts them again")


_NUMBERS = """
SELECT (SELECT COUNT(*) FROM conferences_number n
          LEFT JOIN conferences_conference c ON c.live_e164 = n.e164
         WHERE n.taken = 1 AND c.confid IS NULL),
       (SELECT COUNT(*) FROM conferences_conference c
          LEFT JOIN conferences_number n ON n.e164 = c.live_e164
         WHERE c.live_e164 IS NOT NULL AND COALESCE(n.taken, 0) = 0)
"""


def _numbers(platform: str) -> Finding:
    lost, untaken = sql.select(store_of(platform).database, _NUMBERS)[0]
    if not lost and not untaken:
        return Finding("numbers")
    wrong = f"{lost} taken without a conference, {untaken} conferences whose number is not taken"
    return Finding("numbers", wrong, "a bug: keep the log; correct conferences_number by hand")


def _outbox(platform: str) -> Finding:
    return _waits("outbox", of_destination(store_of(platform).database, ""))


def _waits(check: str, found: Waiting) -> Finding:
    if found.age <= OUTBOX_AGE:
        return Finding(check)
    wrong = f"{found.count} messages wait, the oldest for {found.age:.0f} s"
    return Finding(check, wrong, "is the broker well, does a celery worker run? see its log")


def _links(platform: str) -> Iterator[Finding]:
    """The ways to other platforms: is there one, does their broker answer, does it go forward."""
    for found in waiting(store_of(platform).database):
        check = f"link to {found.destination}"
        if found.destination and not found.known:
            wrong = f"{found.count} messages wait, and nobody knows the way"
            yield Finding(check, wrong, "name its broker in PEERS, and start the workers again")
        elif found.destination:
            yield _answers(check, settings.PEERS[found.destination]) or _waits(check, found)


def _answers(check: str, url: str) -> Finding | None:
    try:
        close(connect(url), politely=True)
    except BROKER_ERRORS as wrong:
        todo = "start that broker, mend the network, or check PEERS; what is for it waits here"
        return Finding(check, f"its broker does not answer: {wrong}", todo)
    return None


def _parked(platform: str) -> Finding:
    count = undecided(store_of(platform).database, MOST_COUNTED)
    if not count:
        return Finding("parked")
    todo = "decide in the admin (Messages, Parked): publish again or discard"
    return Finding("parked", f"{count} messages could not be handled", todo)


def _core_tree(platform: str) -> Finding:
    """Does this platform follow the core?"""
    here = follow_state(store_of(platform).database)
    if here.wrong:
        todo = "see docs/operations.md, when a platform does not follow the core"
        return Finding("the core's tree", f"cannot be applied here: {here.wrong}", todo)
    if here.gap:
        todo = "it is asked for every 5 s; is the core well, and linked with this broker?"
        return Finding("the core's tree", "changes are missing before those that came", todo)
    return Finding("the core's tree")


def _followers(platform: str) -> Finding:
    """Are those that follow this core told what has changed?"""
    late = [one for one in follower_lags(store_of(platform).database) if one.seconds > FOLLOWER_AGE]
    if not late:
        return Finding("followers")
    wrong = f"{late[0].platform} is {late[0].versions} changes and {late[0].seconds:.0f} s behind"
    return Finding(
        "followers", wrong, "see the link to its broker; is it in PEERS, does it answer?"
    )


def _licence(platform: str) -> Finding:
    """Is it in force, and for how long? Operators are warned 30, 7 and 1 days before its end."""
    if "css" not in settings.ROLES:
        return Finding("licence")  # The core has conferences nowhere.
    warning = state_of(platform).warning or over_licence()
    todo = "ask the core for the next issue; manage.py license_import, or the admin"
    return Finding("licence", warning, todo if warning else "")


def _licence_projection(platform: str) -> Finding:
    wrong = _twice(lambda: set(licence_projection.find_differing(platform)))
    if not wrong:
        return Finding("licence projection")
    words = f"{licence_projection.key(min(wrong))} in Redis is not what the database says"
    return Finding("licence projection", words, "run manage.py doctor --mend")


def _domain_projection(platform: str) -> Finding:
    wrong = _twice(
        lambda: {one for some in domain_projection.find_differing(platform) for one in some}
    )
    if not wrong:
        return Finding("domain projection")
    words = f"{len(wrong)} domains differ in Redis, for instance {min(wrong)}"
    return Finding("domain projection", words, "run manage.py doctor --mend")


def _timers(platform: str) -> Finding:
    query = (
        "SELECT COUNT(*) FROM conferences_conference"
        " WHERE due_at < UTC_TIMESTAMP(6) - INTERVAL %s SECOND"
    )
    count = sql.select(store_of(platform).database, query, [OVERDUE_SECONDS])[0][0]
    if not count:
        return Finding("timers")
    wrong = f"{count} conferences are overdue by more than {OVERDUE_SECONDS} s"
    return Finding("timers", wrong, "start celery beat and a worker; see their logs")


# ---- Redis against the database -----------------------------------------------------------------


def _units(platform: str) -> Finding:
    known = load_resources(platform)
    if not any(kind == "mcu" for kind, _unit in known):
        todo = "start a media unit (manage.py cmu_agent); see its log"
        return Finding("media units", "none is registered: no conference can run", todo)
    return Finding("media units")


def _projection(platform: str) -> Finding:
    wrong = _twice(lambda: _unlike(platform))
    if not wrong:
        return Finding("projection")
    words = f"{len(wrong)} conferences differ in Redis, for instance {sorted(wrong)[0]}"
    return Finding("projection", words, "run manage.py doctor --mend")


def _pool(platform: str) -> Finding:
    wrong = _twice(lambda: _misplaced(platform))
    if not wrong:
        return Finding("pool")
    words = f"{len(wrong)} places differ from the database, for instance {sorted(wrong)[0]}"
    return Finding("pool", words, "run manage.py doctor --mend")


def _twice(differences: Callable[[], set[str]]) -> set[str]:
    """What differs now, and still does when changes under way have settled."""
    first = differences()
    if not first:
        return first
    time.sleep(SETTLES_IN)
    return first & differences()


def _unlike(platform: str) -> set[str]:
    client: Any = redis_of(platform)
    live = {c.e164: c for c in redis_projection.live(platform)}
    with client.pipeline(transaction=False) as pipe:
        for e164 in live:
            pipe.hmget(redis_projection.key(e164), "confid", "state")
        answers = pipe.execute()
    wrong = {
        e164
        for (e164, c), answer in zip(live.items(), answers, strict=True)
        if answer != [c.confid, c.state.value]
    }
    for key in client.scan_iter("confex/*", 1000):
        e164 = key.partition("/")[2]
        if e164 not in live and client.hget(key, "state") != "ended":
            wrong.add(e164)
    return wrong


def _misplaced(platform: str) -> set[str]:
    client: Any = redis_of(platform)
    believed = {f"{c.e164} on {c.unit}" for c in redis_projection.live(platform) if _settled(c)}
    known = load_resources(platform)
    placed, held = set(), {one.rpartition("|")[2] for one in client.zrange("rms:held", 0, -1)}
    for kind, unit in known:
        if kind == "mcu":
            numbers = client.hkeys(f"rms:alloc:mcu:{name_of(unit)}")
            placed |= {f"{e164} on {unit}" for e164 in numbers if e164 not in held}
    return believed ^ placed


def _settled(c: Conference) -> bool:
    return c.state is ConferenceState.RUNNING and c.unit is not None
