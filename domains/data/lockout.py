"""The lockout refuses sign-ins after too many wrong passwords. It counts exactly: no more than `LIMIT` tries.

Tries from an address from which the account has signed in before are counted for that address alone, those from all
other addresses together. So a stranger who guesses locks strangers out, and not the person from the usual places.

django-axes keeps the tries in the database and refuses the sign-in, but its own handler counts without a
lock, and per name as it was typed. Here tries for one account are counted one after the other. A try that comes
while the account is locked out is not checked: its sender does not learn whether the password was right.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from axes.handlers.database import AxesDatabaseHandler
from axes.helpers import get_client_username
from axes.models import AccessAttempt, AccessLog
from axes.signals import user_locked_out
from django.conf import settings
from django.db.models import F, Q, Sum
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext_noop

from foundation.cells import sql

LIMIT = 5
"""An account is locked out after this many wrong tries, with any of its names.

They count for one address from which it has signed in before, or for all others together.
"""

COOL_OFF = timedelta(minutes=15)
"""Tries no longer count when the last one that counted is older than this."""

MOST_ADDRESSES = 20
ADDRESS_KEPT = timedelta(days=180)
"""So many addresses from which an account has signed in are kept, each so long after it was last used."""

_SAME_SIGN_IN = timedelta(hours=1)
"""The time of an address' last use is written at most this often."""

LOCKED = gettext_noop(
    "Too many wrong tries: wait 15 minutes, or ask an administrator to unlock the account."
)
_LOCK_WAIT_SECONDS = 5


class LockoutHandler(AxesDatabaseHandler):  # type: ignore[misc]  # the base class has no types
    """The handler tells django-axes whether an account is locked out, and counts wrong passwords exactly."""

    def is_locked(self, request: HttpRequest, credentials: dict[str, object] | None = None) -> bool:
        """Return whether the account, or the client's IP address, has had as many wrong sign-in tries as allowed."""
        address = request.axes_ip_address  # type: ignore[attr-defined]  # set by axes' middleware
        name = get_client_username(request, credentials)
        return _is_locked_from(name, address) or bool(
            address and _count_tries(Q(ip_address=address)) >= settings.TRIES_PER_ADDRESS
        )

    def user_login_failed(
        self, sender: object, credentials: dict[str, object], request: Any = None, **kwargs: object
    ) -> None:
        """Count a wrong password, unless the account was locked out before it.

        `sign_in` sets `sign_in_refused` where it refused for another reason than the password: that does not count.
        """
        refused: str = getattr(request, "sign_in_refused", "")
        if request is None or refused:
            return
        name = get_client_username(request, credentials)
        with sql.named_lock("default", f"sign-in {name}", _LOCK_WAIT_SECONDS) as has_lock:
            locked_out = (
                not has_lock or request.axes_locked_out or self.is_locked(request, credentials)
            )
            if not locked_out:
                _save_wrong_try(name, request)
        if locked_out:
            request.axes_locked_out, request.axes_credentials = True, credentials
            address = request.axes_ip_address
            user_locked_out.send("axes", request=request, username=name, ip_address=address)

    def user_logged_in(self, *args: object, **kwargs: object) -> None:
        """Do nothing: the audit trail records sign-ins, and `sign_in` deletes the wrong tries."""

    def user_logged_out(self, *args: object, **kwargs: object) -> None:
        """Do nothing: the audit trail records sign-outs."""


def use_given_response(
    request: HttpRequest, answer: HttpResponse, credentials: object = None
) -> HttpResponse:
    """Return for somebody who is locked out the response that our page or API has made.

    django-axes would replace it by a page of its own (setting `AXES_LOCKOUT_CALLABLE`).
    """
    return answer


def locked_usernames(usernames: Collection[str]) -> set[str]:
    """Return which of these user names are locked out. The clients' IP addresses do not matter."""
    if not usernames:
        return set()
    recent = AccessAttempt.objects.filter(
        username__in=usernames, attempt_time__gt=timezone.now() - COOL_OFF
    )
    tries = recent.order_by().values_list("username").annotate(Sum("failures_since_start"))
    return {name for name, count in tries if count >= LIMIT}


def delete_tries(username: str) -> int:
    """Delete the wrong sign-in tries of an account, which unlocks it; return how many rows there were."""
    return int(AccessAttempt.objects.filter(username=username).delete()[0])


def record_sign_in(username: str, address: str | None) -> bool:
    """Remember that an account has signed in from an address, and delete its wrong tries from this address.

    Returns whether there were any wrong tries.
    """
    if address is not None:
        _keep_address(username, address)
    tries = AccessAttempt.objects.filter(username=username, ip_address=address)
    return tries.exists() and bool(tries.delete()[0])


def delete_old_tries(now: datetime) -> int:
    """Delete wrong sign-in tries that are too old (COOL_OFF) to lock anybody out; return how many rows there were."""
    return int(AccessAttempt.objects.filter(attempt_time__lte=now - COOL_OFF).delete()[0])


def _keep_address(username: str, address: str) -> None:
    """Save an address as one from which the account signs in, and delete the oldest if they are too old or too many.

    Nothing is written if it was saved less than _SAME_SIGN_IN ago.
    """
    now = timezone.now()
    rows = AccessLog.objects.filter(username=username)
    row = rows.filter(ip_address=address).first()
    if row is not None and row.attempt_time > now - _SAME_SIGN_IN:
        return
    if row is not None:
        rows.filter(pk=row.pk).update(attempt_time=now)
        return
    AccessLog.objects.create(username=username, ip_address=address)
    young_rows = rows.filter(attempt_time__gt=now - ADDRESS_KEPT).order_by("-attempt_time", "-pk")
    newest = list(young_rows.values_list("pk", flat=True)[:MOST_ADDRESSES])
    rows.exclude(pk__in=newest).delete()


def _usual_addresses(name: str) -> list[str]:
    """Return the IP addresses from which an account (user name) has signed in within 180 days."""
    rows = AccessLog.objects.filter(
        username=name, attempt_time__gt=timezone.now() - ADDRESS_KEPT, ip_address__isnull=False
    )
    return list(rows.order_by().values_list("ip_address", flat=True))


def _counted_together(name: str, address: str | None) -> Q:
    """Return the condition for the wrong tries to sign in to an account that count for a client's IP address.

    Each address from which the account has signed in before has a count of its own. All other addresses share one
    count.
    """
    usual = _usual_addresses(name)
    if address in usual:
        return Q(username=name, ip_address=address)
    return Q(username=name) & (Q(ip_address__isnull=True) | ~Q(ip_address__in=usual))


def _is_locked_from(name: str, address: str | None) -> bool:
    """Return whether an account (user name) is locked out for a client with this IP address."""
    # The first, cheaper query is enough for nearly all accounts.
    return _count_tries(Q(username=name)) >= LIMIT and (
        _count_tries(_counted_together(name, address)) >= LIMIT
    )


def _count_tries(condition: Q) -> int:
    """Return how many recent wrong tries meet a condition on `AccessAttempt`."""
    recent = AccessAttempt.objects.filter(condition, attempt_time__gt=timezone.now() - COOL_OFF)
    return recent.aggregate(all=Sum("failures_since_start"))["all"] or 0


def _save_wrong_try(name: str, request: Any) -> None:
    """Count a wrong try in the one row for this account and the client's IP address.

    Nothing else that the client sent is kept. All recent rows of the account get the time of this try, so that
    they expire together.
    """
    now = timezone.now()
    defaults = {"failures_since_start": 0, "path_info": request.axes_path_info, "http_accept": ""}
    row, _ = AccessAttempt.objects.get_or_create(
        username=name, ip_address=request.axes_ip_address, user_agent="", defaults=defaults
    )
    still_counts = row.attempt_time > now - COOL_OFF
    tries = F("failures_since_start") + 1 if still_counts else 1
    AccessAttempt.objects.filter(pk=row.pk).update(failures_since_start=tries, attempt_time=now)
    attempts = AccessAttempt.objects.filter(_counted_together(name, request.axes_ip_address))
    attempts.filter(attempt_time__gt=now - COOL_OFF).update(attempt_time=now)
