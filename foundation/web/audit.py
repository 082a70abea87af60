"""The one audit trail (django-auditlog): who did what, from where, and how it was before and after.

What a model's fields become is written by auditlog when the model is saved; here is what it cannot
know: who asked, from which address, what an action was called, and what must not stand there.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from auditlog.diff import model_instance_diff
from auditlog.models import LogEntry
from auditlog.registry import auditlog
from django.conf import settings
from django.contrib.auth import get_user_model
from django.db.models import Model
from django.db.models.signals import pre_save
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.utils import translation

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

HIDDEN = "•••"
_request: ContextVar[HttpRequest | None] = ContextVar("request of the audit trail", default=None)


class WhoAsked:
    """Middleware: what is written while a request is answered was done by its user.

    Auditlog's own connects and disconnects a signal for each request, which threads share, and
    believes any `X-Forwarded-For`.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Remember the request as long as it is answered."""
        token = _request.set(request)
        try:
            return self._get_response(request)
        finally:
            _request.reset(token)


def address_of(request: HttpRequest) -> str | None:
    """Return the caller's address: what the proxy in front has added last, if there is one."""
    found = request.META.get("REMOTE_ADDR", "")
    if settings.BEHIND_TLS:
        found = request.META.get("HTTP_X_FORWARDED_FOR", "").rpartition(",")[2].strip() or found
    try:
        return str(ip_address(found))
    except ValueError:
        return None


@receiver(pre_save, sender=LogEntry, dispatch_uid="who asked")
def _sign(sender: Any, instance: LogEntry, **more: Any) -> None:
    """Each new entry bears the user and the address of the request in which it is written."""
    request = _request.get()
    if request is None or instance.pk is not None:
        return
    instance.remote_addr = address_of(request)
    user = getattr(request, "user", None)
    if instance.actor_id is None and isinstance(user, get_user_model()) and user.pk:
        instance.actor = user


def say(
    thing: Model,
    words: StrOrPromise,
    action: int = LogEntry.Action.UPDATE,
    before: Model | None = None,
) -> None:
    """Write down an action on a thing, in words: kept in English, translated when they are shown.

    A thing that is not stored stands for all of its kind.
    `before`: the thing, or what it replaces, as it was, to compare with.
    """
    with translation.override("en"):
        said = {"said": str(words)}
    changes = model_instance_diff(before, thing) if before is not None else None
    LogEntry.objects.log_create(
        thing,
        force_log=True,
        object_pk="" if thing.pk is None else str(thing.pk),
        action=action,
        changes=changes,
        additional_data=said,
    )


def follow(
    *models: type[Model], secret: tuple[str, ...] = (), without: tuple[str, ...] = ()
) -> None:
    """Keep what these models' fields become; of `secret` ones only that they did."""
    for model in models:
        auditlog.register(
            model,
            mask_fields=list(secret),
            exclude_fields=list(without),
            mask_callable="foundation.web.audit.hidden",
        )


def hidden(value: str) -> str:
    """Hide a secret: show nothing of it, and of an address all but the password."""
    if "://" not in value:
        return HIDDEN if value not in ("", "None") else ""
    parts = urlsplit(value)
    host = parts.netloc.rpartition("@")
    kept = f"{host[0].partition(':')[0]}@{host[2]}" if host[1] else host[2]
    return parts._replace(netloc=kept, query="").geturl()
