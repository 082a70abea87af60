"""The audit trail (django-auditlog) records who did what, from which address, with the values before and after.

Auditlog writes an entry with the changed fields when a model is saved. This module adds the account and IP address of
the request, entries for actions with their names, and the list of secret fields.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from ipaddress import IPv6Address, IPv6Network, ip_address
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
    """The middleware stores the current request, so that audit entries get the account and IP address of its sender.

    Auditlog's own middleware connects and disconnects a signal for each request, which all threads share, and trusts
    any `X-Forwarded-For`.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        """Prepare the middleware; `get_response` answers a request."""
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request; meanwhile audit entries get the account and IP address of its sender."""
        token = _request.set(request)
        try:
            return self._get_response(request)
        finally:
            _request.reset(token)


def address_of(request: HttpRequest) -> str | None:
    """Return the IP address of the visitor who sent a request; `None` if it has none.

    Each of our own proxies (`PROXIES` of them) adds the address from which it got the request to
    `X-Forwarded-For`. The outermost one's entry counts. The visitor may have sent what stands
    before it, so it is ignored.
    """
    address = request.META.get("REMOTE_ADDR", "")
    added = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")[-settings.PROXIES :]
    if settings.PROXIES and added[0].strip():
        address = added[0].strip()
    try:
        return str(ip_address(address))
    except ValueError:
        return None


def counted_address_of(request: HttpRequest) -> str | None:
    """Return the IP address under which failed sign-ins of a visitor are counted; `None` if the request has none.

    With IPv6 a visitor has a whole network of addresses (/64), so the address of that network is returned.
    """
    address = address_of(request)
    if address is None or not isinstance(parsed := ip_address(address), IPv6Address):
        return address
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(IPv6Network((int(parsed), 64), strict=False).network_address)


@receiver(pre_save, sender=LogEntry, dispatch_uid="who asked")
def _add_sender(sender: object, instance: LogEntry, **kwargs: object) -> None:
    """Add to each new entry of the audit trail the account and IP address of the current request.

    Entries that are stored already, or made outside of a request, stay as they are.
    """
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
    """Write an action on an object into the audit trail. Its words are stored in English, and translated when shown.

    An object that is not stored in the database stands for all objects of its model. `before` is the object before the
    action, or the one that it replaces; with it the changed fields are written too.
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
    """Have all changes of these models written into the audit trail.

    The entries have dots in place of the values of fields in `secret`. Changes of fields in
    `without` are not written.
    """
    for model in models:
        auditlog.register(
            model,
            mask_fields=list(secret),
            exclude_fields=list(without),
            mask_callable="foundation.web.audit.hidden",
        )


def hidden(value: str) -> str:
    """Return the value of a secret field as the audit trail shows it: dots, or a URL without password and query."""
    if "://" not in value:
        return HIDDEN if value not in ("", "None") else ""
    parts = urlsplit(value)
    credentials, separator, host = parts.netloc.rpartition("@")
    netloc = f"{credentials.partition(':')[0]}@{host}" if separator else host
    return parts._replace(netloc=netloc, query="").geturl()
