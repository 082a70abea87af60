"""Wrong passwords lock out, exactly: no more than LIMIT tries count, however many come at once.

django-axes keeps the tries in the database and bars the door; its own handler counts without a
lock, and per name as typed. Here one is counted after the other for each account, and a try that
comes when the account is locked out is no try: it learns nothing, right or wrong.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from axes.handlers.database import AxesDatabaseHandler
from axes.helpers import get_client_username
from axes.models import AccessAttempt
from axes.signals import user_locked_out
from django.conf import settings
from django.db import connections, router
from django.db.models import F, Sum
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_noop

LIMIT = 5
"""Wrong tries for one account, whatever name is used, from wherever."""

COOL_OFF = timedelta(minutes=15)
"""So long after the last try that counted it begins anew."""

LOCKED = gettext_noop(
    "Too many wrong tries: wait 15 minutes, or ask an administrator to unlock the account."
)
_PATIENCE_SECONDS = 5


class LockoutHandler(AxesDatabaseHandler):  # type: ignore[misc]
    """What axes asks and tells."""

    def is_locked(self, request: HttpRequest, credentials: dict[str, Any] | None = None) -> bool:
        """Are this account's tries, or this address's, used up?"""
        address = request.axes_ip_address  # type: ignore[attr-defined]
        name = get_client_username(request, credentials)
        return _count_tries(username=name) >= LIMIT or bool(
            address and _count_tries(ip_address=address) >= settings.TRIES_PER_ADDRESS
        )

    def user_login_failed(
        self, sender: Any, credentials: dict[str, Any], request: Any = None, **more: Any
    ) -> None:
        """Count a wrong try, unless it came too late to be one."""
        refused: str = getattr(request, "sign_in_refused", "")
        if request is None or refused:
            return
        name = get_client_username(request, credentials)
        with _name_lock(name) as mine:
            late = not mine or request.axes_locked_out or self.is_locked(request, credentials)
            if not late:
                _save_wrong_try(name, request)
        if late:
            request.axes_locked_out, request.axes_credentials = True, credentials
            address = request.axes_ip_address
            user_locked_out.send("axes", request=request, username=name, ip_address=address)

    def user_logged_in(self, *args: Any, **more: Any) -> None:
        """The audit trail says who signed in, and the backend forgets the wrong tries."""

    def user_logged_out(self, *args: Any, **more: Any) -> None:
        """As above."""


def use_given_response(request: HttpRequest, answer: Any, credentials: Any = None) -> Any:
    """What is shown to somebody who is locked out: each page and API says it in its own way."""
    return answer


def locked_usernames(usernames: Collection[str]) -> set[str]:
    """Which of these accounts (by account name) are locked out. Addresses are not looked at."""
    if not usernames:
        return set()
    recent = AccessAttempt.objects.filter(
        username__in=usernames, attempt_time__gt=timezone.now() - COOL_OFF
    )
    tries = recent.order_by().values_list("username").annotate(Sum("failures_since_start"))
    return {name for name, count in tries if count >= LIMIT}


def delete_tries(username: str) -> int:
    """Wrong tries of an account; how many rows there were."""
    return int(AccessAttempt.objects.filter(username=username).delete()[0])


def delete_old_tries(now: datetime) -> int:
    """Delete tries that count no more."""
    return int(AccessAttempt.objects.filter(attempt_time__lte=now - COOL_OFF).delete()[0])


def _count_tries(**of: str) -> int:
    recent = AccessAttempt.objects.filter(attempt_time__gt=timezone.now() - COOL_OFF, **of)
    return recent.aggregate(all=Sum("failures_since_start"))["all"] or 0


def _save_wrong_try(name: str, request: Any) -> None:
    """One row for each account and address; what a stranger sends beside the name is not kept."""
    now = timezone.now()
    fresh = {"failures_since_start": 0, "path_info": request.axes_path_info, "http_accept": ""}
    row, _ = AccessAttempt.objects.get_or_create(
        username=name, ip_address=request.axes_ip_address, user_agent="", defaults=fresh
    )
    again = row.attempt_time > now - COOL_OFF
    tries = F("failures_since_start") + 1 if again else 1
    AccessAttempt.objects.filter(pk=row.pk).update(failures_since_start=tries, attempt_time=now)
    live = AccessAttempt.objects.filter(username=name, attempt_time__gt=now - COOL_OFF)
    live.update(attempt_time=now)


@contextmanager
def _name_lock(name: str) -> Iterator[bool]:
    """Nobody else counts for this name meanwhile. False: it took too long, so do not trust it."""
    key = "sign-in " + hashlib.sha256(name.encode()).hexdigest()[:48]
    with connections[router.db_for_write(AccessAttempt)].cursor() as cursor:
        cursor.execute("SELECT GET_LOCK(%s, %s)", [key, _PATIENCE_SECONDS])
        mine = cursor.fetchone() == (1,)
        try:
            yield mine
        finally:
            if mine:
                cursor.execute("SELECT RELEASE_LOCK(%s)", [key])
                cursor.fetchone()
