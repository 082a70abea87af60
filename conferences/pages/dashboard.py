"""The operators' first page: what goes on now, read by a small script every two seconds.

Who administers the platform of this site sees all of it; others see the conferences in their scope.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from operator import itemgetter
from typing import Any

import redis
from django.contrib.admin.views.decorators import staff_member_required
from django.db.models import Count
from django.http import HttpRequest, JsonResponse
from django.utils.translation import gettext as _

from conferences.data import queries, restore_timeline
from conferences.data.pool_view import Resource, load_resources
from conferences.models import PATHS, PATHS_AT, Conference
from conferences.rules.outgoing import wire_time
from conferences.rules.states import ConferenceState
from domains.data import admin_scope
from domains.data.permission_backend import level_of
from domains.models import Level
from foundation import clock
from foundation.bus import backlog
from foundation.bus.parked_messages import undecided
from foundation.cells import sql
from foundation.cells.directory import own_platform, store_of
from foundation.web import health
from licensing.data.queries import state_of
from licensing.data.seats import conferences_in_use
from licensing.data.usage import measures

MOST_COUNTED = 100_000
MOST_KEPT = 1000
_LIVES = 1.0
_HEALTH_LIVES = 5.0
_NO_STATES = {s.value: 0 for s in ConferenceState if s is not ConferenceState.ENDED}
_kept: dict[str, tuple[float, Any]] = {}


def for_page(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """What the page shows before its script has asked for the first time."""
    context["live"] = facts(request.user)
    context["title"] = _("Dashboard")
    return context


@staff_member_required
def live(request: HttpRequest) -> JsonResponse:
    """The same, for the script."""
    return JsonResponse(facts(request.user))


def facts(user: Any) -> dict[str, Any]:
    """All of the page; read at most once a second, however many of one domain look at it."""
    if admin_scope.administers_this_site(user):
        found: dict[str, Any] = _at_most_every(_LIVES, "facts", _facts)
    else:
        whose = f"facts of {user.domain_id if level_of(user) is not None else None}"
        found = _at_most_every(_LIVES, whose, partial(_facts_of, user))
    return found


def _at_most_every(seconds: float, name: str, read: Callable[[], Any]) -> Any:
    at, known = _kept.get(name, (0.0, None))
    if known is None or time.monotonic() - at > seconds:
        known = read()
        if len(_kept) >= MOST_KEPT:
            _kept.clear()
        _kept[name] = (time.monotonic(), known)
    return known


def _facts() -> dict[str, Any]:
    database = store_of(own_platform()).database
    return {
        "at": wire_time(clock.now()),
        "health": _at_most_every(_HEALTH_LIVES, "health", health.parts),
        "states": _states(database),
        "creates": _creates(database),
        "seats": _seats(database),
        "outbox": _outbox(database),
        "parked": undecided(database, MOST_COUNTED),
        **_pool(),
    }


def _facts_of(user: Any) -> dict[str, Any]:
    """What lies in an administrator's scope: its conferences, and its own seats."""
    mine = Conference.objects.filter(admin_scope.rows_in_scope(user, PATHS, PATHS_AT))
    since = clock.now() - timedelta(seconds=60)
    states = mine.filter(live_e164__isnull=False).values_list("state").annotate(count=Count("pk"))
    return {
        "at": wire_time(clock.now()),
        "states": _NO_STATES | dict(states.order_by()),
        "creates": {
            "taken": mine.filter(created_at__gt=since).count(),
            "failed": mine.filter(ended_at__gt=since, end_reason="create_failed").count(),
        },
        "seats": _seats_of(user),
    }


def _seats_of(user: Any) -> dict[str, Any] | None:
    """Those of a tenant; other domains have none of their own here."""
    if level_of(user) is not Level.USER:
        return None
    found = measures("default", [user.domain_id])[user.domain_id]
    small, large = ([one.used, one.limit] for one in found[:2])
    return {"small": small, "large": large, "evaluation": False, "until": ""}


def _states(database: str) -> dict[str, int]:
    found = sql.select(
        database,
        "SELECT state, COUNT(*) FROM conferences_conference"
        " WHERE state IN ('creating', 'running', 'pending', 'restoring') GROUP BY state",
    )
    return _NO_STATES | dict(found)


def _creates(database: str) -> dict[str, int]:
    """In the last minute: taken in, and failed."""
    taken = sql.select(
        database,
        "SELECT COUNT(*) FROM conferences_conference"
        " WHERE state IN ('creating', 'running', 'pending', 'restoring', 'ended')"
        " AND created_at > UTC_TIMESTAMP(6) - INTERVAL 60 SECOND",
    )
    failed = sql.select(
        database,
        "SELECT COUNT(*) FROM conferences_conference WHERE end_reason='create_failed'"
        " AND ended_at > UTC_TIMESTAMP(6) - INTERVAL 60 SECOND",
    )
    return {"taken": taken[0][0], "failed": failed[0][0]}


def _seats(database: str) -> dict[str, Any]:
    licence = state_of(own_platform())
    small, large = conferences_in_use(database, own_platform())
    until = licence.held.valid_to if licence.held else None
    return {
        "small": [small, licence.amounts.small_conferences],
        "large": [large, licence.amounts.large_conferences],
        "evaluation": bool(licence.held and licence.held.evaluation),
        "until": until.strftime("%Y-%m-%d") if until else "",
    }


def _outbox(database: str) -> dict[str, Any]:
    waiting = backlog.in_all(database, MOST_COUNTED)
    return {"waiting": waiting.count, "oldest": round(waiting.age, 1)}


def _pool() -> dict[str, Any]:
    """Units and restores; nothing where Redis is away, which `health` says."""
    try:
        known = load_resources(own_platform())
        restores = restore_timeline.latest(own_platform())
    except redis.RedisError:
        return {"units": [], "restores": []}
    simulated = queries.simulated_units(own_platform())
    return {
        "units": [
            _unit(one, key in simulated) for key, one in sorted(known.items(), key=itemgetter(0))
        ],
        "restores": [
            {
                "number": one.e164,
                "confid": one.confid,
                "from": one.came_from,
                "to": one.went_to,
                "at": wire_time(one.restored_at),
                "seconds": one.seconds,
            }
            for one in restores
        ],
    }


def _unit(one: Resource, simulated: bool) -> dict[str, Any]:
    return {
        "simulated": simulated,
        "kind": one.kind,
        "name": str(one.unit),
        "confs": [one.confs.used, one.confs.capacity],
        "ports": [one.ports.used, one.ports.capacity],
        "draining": one.draining,
        "silent": round(one.silent_seconds, 1),
    }
