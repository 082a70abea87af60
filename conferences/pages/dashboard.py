"""The first page of the admin (dashboard) shows the present state of the platform; its script polls every two seconds.

Administrators of this site's platform see all values; others see only those of conferences of their domain.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from operator import itemgetter
from typing import Any

import redis
from django.conf import settings
from django.contrib.admin.views.decorators import staff_member_required
from django.contrib.auth.models import AnonymousUser
from django.db.models import Count
from django.http import HttpRequest, JsonResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from conferences.data import queries, restore_timeline
from conferences.data.pool_view import Resource, load_resources
from conferences.models import PATHS, PATHS_AT, Conference
from conferences.rules.outgoing import wire_time
from conferences.rules.states import ConferenceState
from domains.data import admin_scope
from domains.data.network import names_of
from domains.data.permission_backend import level_of
from domains.models import Account, Level
from foundation import clock
from foundation.bus import backlog
from foundation.bus.parked_messages import count_undecided
from foundation.cells import sql
from foundation.cells.directory import own_platform, store_of
from foundation.web import health
from licensing.data.queries import state_of
from licensing.data.seats import count_conferences_in_use
from licensing.data.usage import measures

Facts = dict[str, object]
"""The facts that the page's script shows, by name: JSON values."""

MOST_COUNTED = 100_000
MAX_CACHED = 1000
_FACTS_SECONDS = 1.0
_HEALTH_SECONDS = 5.0
_ZERO_BY_STATE = {state.value: 0 for state in ConferenceState if state is not ConferenceState.ENDED}
_LIVE, _ALL = list(_ZERO_BY_STATE), [state.value for state in ConferenceState]
"""All states are named, since the index on state and age is read by ranges of both."""
_STATE_NAMES = {
    ConferenceState.CREATING: gettext_lazy("creating"),
    ConferenceState.RUNNING: gettext_lazy("running"),
    ConferenceState.PENDING_RESTORE: gettext_lazy("waiting for a unit"),
    ConferenceState.RESTORING: gettext_lazy("restoring"),
}
_PART_NAMES = {
    "database": gettext_lazy("database"),
    "redis": gettext_lazy("Redis"),
    "broker": gettext_lazy("message broker"),
    "tree": gettext_lazy("tree of domains"),
    "messages": gettext_lazy("instant messages"),
}
_cache: dict[str, tuple[float, object]] = {}
"""Cached values by name, each with the monotonic time at which it was read."""


def dashboard_context(request: HttpRequest, context: dict[str, object]) -> dict[str, object]:
    """Return the template context of the dashboard, with the values to show until its script has polled."""
    context["live"] = facts_for(request.user)
    context["state_names"] = _STATE_NAMES
    context["part_names"] = {part: str(name) for part, name in _PART_NAMES.items()}
    context["title"] = _("Dashboard")
    return context


@staff_member_required
def answer_live_facts(request: HttpRequest) -> JsonResponse:
    """Answer the dashboard's script with the present values, as JSON."""
    return JsonResponse(facts_for(request.user))


def facts_for(user: Account | AnonymousUser) -> Facts:
    """Return all values that the dashboard shows to an administrator.

    They are read at most once a second for each domain, however many administrators look at the page.
    """
    if admin_scope.administers_this_site(user):
        answer: Facts = _cached(_FACTS_SECONDS, "facts", _facts_of_site)
        return answer
    administered = (
        user.domain_id if isinstance(user, Account) and level_of(user) is not None else None
    )
    name = f"facts of {administered}"
    own: Facts = _cached(_FACTS_SECONDS, name, partial(_facts_in_scope, user))
    return own


def _cached(seconds: float, name: str, read: Callable[[], Any]) -> Any:
    """Return the cached value of this name; call `read` for a new one if it is older than so many seconds."""
    read_at, value = _cache.get(name, (0.0, None))
    if value is None or time.monotonic() - read_at > seconds:
        value = read()
        if len(_cache) >= MAX_CACHED:
            _cache.clear()
        _cache[name] = (time.monotonic(), value)
    return value


def _facts_of_site() -> Facts:
    """Return all values of the dashboard, for administrators of this site's platform.

    `None` where a role is missing.
    """
    database = store_of(own_platform()).database
    return {
        "at": wire_time(clock.now()),
        "health": _cached(_HEALTH_SECONDS, "health", health.states_of_parts),
        "states": _conferences_by_state(database),
        "creates": _creates_of_last_minute(database),
        "seats": _seats_of_platform(database) if "css" in settings.ROLES else None,
        "outbox": _outbox_facts(database),
        "parked": count_undecided(database, MOST_COUNTED),
        **_units_and_restores(),
    }


def _facts_in_scope(user: Account | AnonymousUser) -> Facts:
    """Return the dashboard's values for an administrator of one domain: its conferences, and how many it may have.

    "creates" are the conferences that were requested, or could not be created, in the last minute.
    """
    in_scope = Conference.objects.filter(admin_scope.rows_in_scope(user, PATHS, PATHS_AT))
    since = clock.now() - timedelta(seconds=60)
    states = (
        in_scope.filter(live_e164__isnull=False).values_list("state").annotate(count=Count("pk"))
    )
    return {
        "at": wire_time(clock.now()),
        "states": _ZERO_BY_STATE | dict(states.order_by()),
        "creates": {
            "taken": in_scope.filter(created_at__gt=since).count(),
            "failed": in_scope.filter(ended_at__gt=since, end_reason="create_failed").count(),
        },
        "seats": _seats_of_tenant(user),
    }


def _seats_of_tenant(user: Account | AnonymousUser) -> Facts | None:
    """Return the used and permitted conferences of the administrator's user domain; `None` for other domains.

    Also `None` without the role `css`.
    """
    if level_of(user) is not Level.USER or "css" not in settings.ROLES:
        return None
    assert isinstance(user, Account)
    assert user.domain_id
    used_and_limits = measures("default", [user.domain_id])[user.domain_id]
    small, large = ([measure.used, measure.limit] for measure in used_and_limits[:2])
    return {"small": small, "large": large, "evaluation": False, "until": ""}


def _conferences_by_state(database: str) -> dict[str, int]:
    """Return the number of live conferences in each state."""
    rows = sql.select(
        database,
        "SELECT state, COUNT(*) FROM conferences_conference"
        f" WHERE state IN ({sql.marks(_LIVE)}) GROUP BY state",
        _LIVE,
    )
    return _ZERO_BY_STATE | dict(rows)


def _creates_of_last_minute(database: str) -> dict[str, int]:
    """Return how many create requests were accepted, and how many creates failed, in the last minute."""
    accepted = sql.select(
        database,
        "SELECT COUNT(*) FROM conferences_conference"
        f" WHERE state IN ({sql.marks(_ALL)})"
        " AND created_at > UTC_TIMESTAMP(6) - INTERVAL 60 SECOND",
        _ALL,
    )
    failed = sql.select(
        database,
        "SELECT COUNT(*) FROM conferences_conference WHERE end_reason='create_failed'"
        " AND ended_at > UTC_TIMESTAMP(6) - INTERVAL 60 SECOND",
    )
    return {"taken": accepted[0][0], "failed": failed[0][0]}


def _seats_of_platform(database: str) -> Facts:
    """Return `[used, licensed]` for small and for large conferences of the platform.

    It also says until when the licence is valid, and whether it is for evaluation only.
    """
    state = state_of(own_platform())
    small, large = count_conferences_in_use(database, own_platform())
    until = state.licence.valid_to if state.licence else None
    return {
        "small": [small, state.amounts.small_conferences],
        "large": [large, state.amounts.large_conferences],
        "evaluation": bool(state.licence and state.licence.evaluation),
        "until": until.strftime("%Y-%m-%d") if until else "",
    }


def _outbox_facts(database: str) -> Facts:
    """Return how many messages of this platform wait to be sent, and the age of the oldest in seconds."""
    waiting = backlog.waiting_in_all(database, MOST_COUNTED)
    return {"waiting": waiting.count, "oldest": round(waiting.age, 1)}


def _units_and_restores() -> Facts:
    """Return the media units, and the latest moves of conferences to other units; both empty without Redis.

    Both are `None` at a site that holds no conferences (no role `css`), as the central site (the core) may be.
    """
    if "css" not in settings.ROLES:
        return {"units": None, "restores": None}
    try:
        resources = load_resources(own_platform())
        restores = restore_timeline.latest_restores(own_platform())
    except redis.RedisError:
        return {"units": [], "restores": []}
    simulated = queries.simulated_units(own_platform())
    other_sites = {restore.hosting_platform for restore in restores} - {own_platform(), ""}
    names = names_of(other_sites, ()) if other_sites else {}
    return {
        "units": [
            _unit_facts(resource, key in simulated)
            for key, resource in sorted(resources.items(), key=itemgetter(0))
        ],
        "restores": [
            {
                "number": restore.e164,
                "confid": restore.confid,
                "from": restore.came_from,
                "to": restore.went_to,
                "site": names.get(restore.hosting_platform, ""),
                "at": wire_time(restore.restored_at),
                "seconds": restore.seconds,
            }
            for restore in restores
        ],
    }


def _unit_facts(resource: Resource, simulated: bool) -> Facts:
    """Return what the dashboard shows of one media unit, recorder or mixer; pairs are `[used, capacity]`."""
    return {
        "simulated": simulated,
        "kind": resource.kind,
        "name": str(resource.unit),
        "confs": [resource.confs.used, resource.confs.capacity],
        "ports": [resource.ports.used, resource.ports.capacity],
        "draining": resource.draining,
        "silent": round(resource.silent_seconds, 1),
    }
