"""The audit trail (django-auditlog) records who did what, from which address, with the values before and after.

Auditlog writes how fields change when a model is saved. This module adds what auditlog cannot know: the account
and address of the request, the name of the action, and which values are secret.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from ipaddress import ip_address
from typing import TYPE_CHECKING
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
    """Middleware: entries that are written while a request is answered name its user and address.

    Auditlog's own middleware connects and disconnects a signal for each request, which threads share, and
    believes any `X-Forwarded-For`.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request, and remember it meanwhile."""
        token = _request.set(request)
        try:
            return self._get_response(request)
        finally:
            _request.reset(token)


def address_of(request: HttpRequest) -> str | None:
    """Return the caller's address: what the proxy in front has added last, if there is a proxy.

    `None` means that this is no IP address.
    """
    address = request.META.get("REMOTE_ADDR", "")
    if settings.BEHIND_TLS:
        address = request.META.get("HTTP_X_FORWARDED_FOR", "").rpartition(",")[2].strip() or address
    try:
        return str(ip_address(address))
    except ValueError:
        return None


@receiver(pre_save, sender=LogEntry, dispatch_uid="who asked")
def _sign(sender: object, instance: LogEntry, **more: object) -> None:
    """Add to each new entry the user and the address of the request in which it is written."""
    request = _request.get()
    if request is None or instance.pk is not None:
        return
    instance.remote_addr = address_of(request)
    user = getattr(request, "user", None)
    if instance.actor_id is None and isinstance(user, get_user_model()) and user.pk:
        instance.actor = user


def log_action(
    obj: Model,
    words: StrOrPromise,
    action: int = LogEntry.Action.UPDATE,
    before: Model | None = None,
) -> None:
    """Log an action on an object. Its words are stored in English, and translated when they are shown.

    An object that is not stored stands for all of its kind.
    `before` is the object as it was, or the object that it replaces, to compare with.
    """
    with translation.override("en"):
        remark = {"said": str(words)}
    changes = model_instance_diff(before, obj) if before is not None else None
    LogEntry.objects.log_create(
        obj,
        force_log=True,
        object_pk="" if obj.pk is None else str(obj.pk),
        action=action,
        changes=changes,
        additional_data=remark,
    )


def follow(
    *models: type[Model], secret: tuple[str, ...] = (), without: tuple[str, ...] = ()
) -> None:
    """Log how the fields of these models change; of `secret` fields only that they do, of `without` nothing."""
    for model in models:
        auditlog.register(
            model,
            mask_fields=list(secret),
            exclude_fields=list(without),
            mask_callable="foundation.web.audit.hidden",
        )


def hidden(value: str) -> str:
    """Return a secret for the trail: dots in its place, and of a URL all but the password."""
    if "://" not in value:
        return HIDDEN if value not in ("", "None") else ""
    parts = urlsplit(value)
    host = parts.netloc.rpartition("@")
    netloc = f"{host[0].partition(':')[0]}@{host[2]}" if host[1] else host[2]
    return parts._replace(netloc=netloc, query="").geturl()
