"""The checks of `manage.py doctor`: each returns findings, which say whether a part of the site works."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import amqp
import redis
from django.conf import settings
from django.db import DatabaseError, connections
from django.db.migrations.executor import MigrationExecutor

from conferences.data import recount
from conferences.data.pool_view import load_resources
from conferences.data.stored_rows import TABLES
from conferences.management import redis_differences
from conferences.management.clock_check import wrong_clocks
from conferences.management.push_check import check_push_process
from domains.data import redis_projection as domain_projection
from domains.data.queries import follow_state, follower_lags
from foundation.bus import server_versions
from foundation.bus.amqp import BROKER_ERRORS, close, connect
from foundation.bus.backlog import MOST_COUNTED, Backlog, waiting_by_destination, waiting_for
from foundation.bus.declare import declared_routes
from foundation.bus.parked_messages import count_undecided
from foundation.cells import sql
from foundation.cells.directory import own_platform, redis_of, store_of
from foundation.cells.serving import read
from foundation.web.findings import MORE_FINDINGS, Finding, find_alarms, find_missing_limits
from licensing.data import redis_projection as licence_projection
from licensing.data.queries import describe_excess, state_of
from wire.routes import DEAD_QUEUE, LIMITS, Routes

MAX_OUTBOX_AGE_SECONDS = 10.0
MAX_FOLLOWER_LAG_SECONDS = 60.0
MAX_QUEUE_LENGTH = 1000
OVERDUE_SECONDS = 15
SETTLE_SECONDS = 1.5
"""A difference between Redis and database is checked again after this time, because Redis is written after a commit."""


def examine_site() -> Iterator[Finding]:
    """Run all checks of this site and yield their findings, servers first.

    A check is left out if a server that it needs does not answer.
    """
    platform = own_platform()
    database, cache, broker = _check_database(platform), _check_redis(platform), _check_broker()
    yield from (database, cache)
    yield from broker
    if not database.is_ok:
        return
    checks: list[Callable[[str], Finding]] = [
        _check_migrations,
        _check_cell,
        _check_clocks,
        _check_seats,
        _check_numbers,
    ]
    all_answer = all(finding.is_ok for finding in (cache, *broker[:1]))
    checks += [_check_versions] if all_answer else []
    checks += [_check_outbox, _check_parked, _check_timers, _check_core_tree, _check_followers]
    checks += [_check_licence] if "css" in settings.ROLES else []
    if cache.is_ok:
        checks += [_check_units] if "rms" in settings.ROLES else []
        checks += [_check_licence_projection, check_push_process] if "css" in settings.ROLES else []
        checks += [_check_projection, _check_pool, _check_domain_projection]
    for check in checks:
        yield check(platform)
    yield from _check_links(platform)
    for findings in MORE_FINDINGS.call():
        yield from findings


# ---- servers ------------------------------------------------------------------------------------


def _check_database(platform: str) -> Finding:
    """Return the finding whether the platform's database answers, and no commit waits for disk space."""
    try:
        is_full = sql.waits_for_disk(store_of(platform).database)
    except DatabaseError as error:
        return Finding("database", f"does not answer: {error}", "start it; check DATABASE_URL")
    if is_full:
        todo = "free space there; MariaDB goes on by itself within a minute"
        return Finding("database", "its disk is full: nothing can be stored", todo)
    return Finding("database")


def _check_redis(platform: str) -> Finding:
    """Return the finding whether the platform's Redis answers."""
    try:
        redis_of(platform).ping()
    except redis.RedisError as error:
        return Finding("redis", f"does not answer: {error}", "start it; check REDIS_URL")
    return Finding("redis")


def _check_broker() -> list[Finding]:
    """Return the findings whether our broker answers, each of its queues is well, and the limits of queues are set."""
    try:
        connection = connect(settings.AMQP_URL)
    except BROKER_ERRORS as error:
        return [Finding("broker", f"does not answer: {error}", "start it; check AMQP_URL")]
    try:
        return [
            Finding("broker"),
            *(_check_queue(connection, name) for name in _all_queues()),
            find_missing_limits(
                "limits of queues",
                settings.RABBITMQ_MANAGEMENT_URL,
                settings.AMQP_URL,
                LIMITS,
            ),
            find_alarms("alarms of the broker", settings.RABBITMQ_MANAGEMENT_URL),
        ]
    finally:
        close(connection, politely=True)


def _check_versions(platform: str) -> Finding:
    """Return the finding whether the servers have versions with which this release was tested."""
    remarks = "; ".join(server_versions.untested_servers())
    todo = "use a tried version, or run the tests with this one (make test)"
    return Finding("versions", remarks, todo if remarks else "")


def _all_queues() -> list[str]:
    """Return the names of all queues of the platform's broker."""
    return sorted({route.queue for route in declared_routes() if route.queue} | {DEAD_QUEUE})


_OUR_QUEUES = frozenset(
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
"""Our own processes must consume these queues; other programs may consume the others."""


def _check_queue(connection: amqp.Connection, name: str) -> Finding:
    """Return the finding whether a queue is declared and, if it is ours, consumed and not too long."""
    channel = connection.channel()
    try:
        declared = channel.queue_declare(name, passive=True)
    except BROKER_ERRORS:
        return Finding(f"queue {name}", "is not declared", "run manage.py declare_topology")
    channel.close()
    assert declared is not None
    _name, waiting, consumers = declared
    if name in _OUR_QUEUES and not consumers and "css" in settings.ROLES:
        return Finding(f"queue {name}", "nobody consumes it", "start celery worker; see its log")
    if name in _OUR_QUEUES and waiting > MAX_QUEUE_LENGTH:
        trouble = f"{waiting} messages wait"
        return Finding(f"queue {name}", trouble, "start more celery workers; see their logs")
    return Finding(f"queue {name}")


# ---- the database -------------------------------------------------------------------------------


def _check_migrations(platform: str) -> Finding:
    """Return the finding whether all migrations are applied to the platform's database."""
    executor = MigrationExecutor(connections[store_of(platform).database])
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if missing:
        return Finding("migrations", f"{len(missing)} are not applied", "run manage.py migrate")
    return Finding("migrations")


def _check_cell(platform: str) -> Finding:
    """Return the finding whether this site owns its platform's data (the cell), serves it, and can write."""
    serving = read(platform)
    if serving is None:
        return Finding("cell", "the platform is not provisioned", "run manage.py provision")
    if not serving.is_owned_here:
        trouble = f"{serving.owner} serves this platform; this site answers 29005"
        return Finding("cell", trouble, "hand it back once this site is sound")
    if serving.read_only:
        trouble = "the database takes no writes; this site answers 29005"
        todo = "see the log of the cell agent, which opens the database or hands the platform over"
        return Finding("cell", trouble, todo)
    return Finding("cell")


def _check_clocks(platform: str) -> Finding:
    """Return the finding whether all hosts' clocks agree; a fault names those that differ from most of the others."""
    wrong = wrong_clocks()
    if not wrong:
        return Finding("clocks")
    todo = (
        "set these clocks by NTP; time goes on by the database's, as it was when each process began"
    )
    return Finding("clocks", "; ".join(wrong), todo)


def _check_seats(platform: str) -> Finding:
    """Return the finding whether the stored counts of licensed things agree with the live conferences."""
    differences = recount.find_wrong_counts(platform)
    if not differences:
        return Finding("seats")
    trouble = f"{len(differences)} domains have wrong counts, for instance {differences[0]}"
    todo = "this is a bug: keep the log; manage.py doctor --mend corrects the counts"
    return Finding("seats", trouble, todo)


_NUMBER_DIFFERENCES = """
SELECT (SELECT COUNT(*) FROM conferences_number n
          LEFT JOIN conferences_conference c ON c.live_e164 = n.e164
         WHERE n.taken = 1 AND c.confid IS NULL),
       (SELECT COUNT(*) FROM conferences_conference c
          LEFT JOIN conferences_number n ON n.e164 = c.live_e164
         WHERE c.live_e164 IS NOT NULL AND COALESCE(n.taken, 0) = 0),
       (SELECT COUNT(*) FROM conferences_number n WHERE %s)
"""
_KEPT_FOR_NOTHING = " OR ".join(
    f"n.held_by LIKE '{kind}:%%' AND NOT EXISTS (SELECT 1 FROM {table} t WHERE t.e164 = n.e164)"
    for kind, table in TABLES.items()
)


def _check_numbers(platform: str) -> Finding:
    """Return the finding whether exactly the numbers of live conferences are in use, and none is reserved in vain."""
    query = _NUMBER_DIFFERENCES % _KEPT_FOR_NOTHING
    without_conference, not_marked, kept_without_holder = sql.select(
        store_of(platform).database, query
    )[0]
    if kept_without_holder:
        trouble = f"{kept_without_holder} numbers are kept for a template or virtual room that is not there"
        return Finding("numbers", trouble, "this is a bug: keep the log; set held_by to '' by hand")
    if not without_conference and not not_marked:
        return Finding("numbers")
    trouble = (
        f"{without_conference} numbers are taken without a conference,"
        f" {not_marked} conferences whose number is not taken"
    )
    todo = "this is a bug: keep the log; correct conferences_number by hand"
    return Finding("numbers", trouble, todo)


def _check_outbox(platform: str) -> Finding:
    """Return the finding whether messages to our own broker are sent in time."""
    return _judge_backlog("outbox", waiting_for(store_of(platform).database, ""))


def _judge_backlog(check: str, backlog: Backlog) -> Finding:
    """Return the finding of the check with this name: a fault if the oldest of the messages in `backlog` is too old."""
    if backlog.age <= MAX_OUTBOX_AGE_SECONDS:
        return Finding(check)
    trouble = f"{backlog.count} messages wait, the oldest for {backlog.age:.0f} s"
    return Finding(check, trouble, "check that the broker and a celery worker run; see their logs")


def _check_links(platform: str) -> Iterator[Finding]:
    """Yield for each other site to which messages wait the finding whether PEERS names its broker, and it answers."""
    for backlog in waiting_by_destination(store_of(platform).database):
        check = f"link to {backlog.destination}"
        if backlog.destination and not backlog.is_configured:
            trouble = f"{backlog.count} messages wait, and PEERS does not name its broker"
            yield Finding(check, trouble, "add its broker to PEERS, and start the workers again")
        elif backlog.destination:
            url = settings.PEERS[backlog.destination]
            yield _find_unreachable(check, url) or _judge_backlog(check, backlog)


def _find_unreachable(check: str, url: str) -> Finding | None:
    """Return the finding of the check with this name if the broker at `url` does not answer; `None` if it does."""
    try:
        close(connect(url), politely=True)
    except BROKER_ERRORS as error:
        todo = "start that broker, repair the network, or check PEERS; its messages wait here"
        return Finding(check, f"its broker does not answer: {error}", todo)
    return None


def _check_parked(platform: str) -> Finding:
    """Return the finding whether no message that could not be handled waits for an operator's decision."""
    count = count_undecided(store_of(platform).database, MOST_COUNTED)
    if not count:
        return Finding("parked")
    todo = "decide in the admin (Messages, Parked): publish again or discard"
    return Finding("parked", f"{count} messages could not be handled", todo)


def _check_core_tree(platform: str) -> Finding:
    """Return the finding whether this platform has all changes of domains from the central site (the core)."""
    state = follow_state(store_of(platform).database)
    if state.wrong:
        todo = "see docs/operations.md, when a platform does not follow the core"
        return Finding("the core's tree", f"cannot be applied here: {state.wrong}", todo)
    if state.gap:
        trouble = "changes are missing before those that have arrived"
        todo = "they are asked for every 5 s; check that the core runs and this broker reaches it"
        return Finding("the core's tree", trouble, todo)
    return Finding("the core's tree")


def _check_followers(platform: str) -> Finding:
    """Return the finding, at the central site (the core), whether all platforms get its changes of domains in time."""
    late_followers = [
        lag
        for lag in follower_lags(store_of(platform).database)
        if lag.seconds > MAX_FOLLOWER_LAG_SECONDS
    ]
    if not late_followers:
        return Finding("followers")
    first = late_followers[0]
    trouble = f"{first.platform} is {first.versions} changes and {first.seconds:.0f} s behind"
    todo = "check that PEERS names its broker, and that the broker answers"
    return Finding("followers", trouble, todo)


def _check_licence(platform: str) -> Finding:
    """Return the finding whether the licence is valid, not exceeded, and does not end in 30, 7 or 1 days."""
    if "css" not in settings.ROLES:
        return Finding("licence")  # The core holds no conferences.
    warning = state_of(platform).warning or describe_excess()
    todo = "ask the core for the next issue; manage.py license_import, or the admin"
    return Finding("licence", warning, todo if warning else "")


def _check_licence_projection(platform: str) -> Finding:
    """Return the finding whether Redis shows the licences as the database has them."""
    differing = _lasting_differences(lambda: set(licence_projection.find_differing(platform)))
    if not differing:
        return Finding("licence projection")
    trouble = f"{licence_projection.key(min(differing))} in Redis differs from the database"
    return Finding("licence projection", trouble, "run manage.py doctor --mend")


def _check_domain_projection(platform: str) -> Finding:
    """Return the finding whether Redis shows the domains as the database has them."""
    differing = _lasting_differences(
        lambda: {domain for chunk in domain_projection.find_differing(platform) for domain in chunk}
    )
    if not differing:
        return Finding("domain projection")
    trouble = f"{len(differing)} domains differ in Redis, for instance {min(differing)}"
    return Finding("domain projection", trouble, "run manage.py doctor --mend")


def _check_timers(platform: str) -> Finding:
    """Return the finding whether the timers run: no conference waits for one longer than OVERDUE_SECONDS."""
    query = (
        "SELECT COUNT(*) FROM conferences_conference"
        " WHERE due_at < UTC_TIMESTAMP(6) - INTERVAL %s SECOND"
    )
    count = sql.select(store_of(platform).database, query, [OVERDUE_SECONDS])[0][0]
    if not count:
        return Finding("timers")
    trouble = f"{count} conferences are overdue by more than {OVERDUE_SECONDS} s"
    return Finding("timers", trouble, "start celery beat and a worker; see their logs")


# ---- Redis against the database -----------------------------------------------------------------


def _check_units(platform: str) -> Finding:
    """Return the finding whether at least one media unit has registered in the pool in Redis."""
    resources = load_resources(platform)
    if not any(kind == "mcu" for kind, _unit in resources):
        todo = "start a media unit (python -m media_unit); see its log"
        return Finding("media units", "none is registered: no conference can run", todo)
    return Finding("media units")


def _check_projection(platform: str) -> Finding:
    """Return the finding whether Redis shows the live conferences as the database has them."""
    differing = _lasting_differences(lambda: redis_differences.differing_conferences(platform))
    if not differing:
        return Finding("projection")
    trouble = f"{len(differing)} conferences differ in Redis, for instance {sorted(differing)[0]}"
    return Finding("projection", trouble, "run manage.py doctor --mend")


def _check_pool(platform: str) -> Finding:
    """Return the finding whether the pool in Redis has the conferences on the same media units as the database."""
    differing = _lasting_differences(lambda: redis_differences.differing_placements(platform))
    if not differing:
        return Finding("pool")
    trouble = (
        f"{len(differing)} places differ from the database, for instance {sorted(differing)[0]}"
    )
    return Finding("pool", trouble, "run manage.py doctor --mend")


def _lasting_differences(find_differences: Callable[[], set[str]]) -> set[str]:
    """Return the differences that a function finds now and still finds SETTLE_SECONDS later."""
    differences = find_differences()
    if not differences:
        return differences
    time.sleep(SETTLE_SECONDS)
    return differences & find_differences()
