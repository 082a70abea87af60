"""Define the admin pages of messages: parked ones (which could not be handled), those to send, and requests."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

import orjson
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from foundation import clock
from foundation.bus import backlog, parked_messages
from foundation.bus.envelope import EXPIRES_AFTER_SECONDS
from foundation.bus.models import Inbox, Outbox, Parked
from foundation.cells.directory import own_platform, store_of
from foundation.json_value import JSONValue
from foundation.web import audit_admin
from foundation.web.admin_base import ReadOnlyAdmin, badge, preformatted
from foundation.web.scoping import SITE

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

__all__ = ["audit_admin"]

LATE, VERY_LATE = 5, 60
"""Seconds after which a message in the outbox is marked: usually the broker has it within one."""

MAX_CHARACTERS = 20_000
SECRET_FIELDS = ("confpwd", "password", "pin", "token", "secret", "oauth_consumer_secret")
_SECRET_IN_TEXT = re.compile(
    rf"""(["']?\b(?:{"|".join(SECRET_FIELDS)})["']?\s*[:=]\s*)("[^"]*"?|[^\s,}}]+)"""
)
"""The pattern finds secrets in a body that is no JSON, as many parked ones are."""


@admin.register(Parked)
class ParkedAdmin(ReadOnlyAdmin[Parked]):
    """The page lists messages that could not be handled: an operator publishes them again or discards them."""

    empty_words = _(
        "All is well: every message could be handled. Messages that cannot be handled wait here for a decision."
    )
    scope = (SITE,)
    list_display = ["kind", "queue", "reason", "parked_at", "standing"]
    list_filter = ["queue", ("retried_at", admin.EmptyFieldListFilter)]
    search_fields = ["^wire_type", "reason"]
    ordering = ["-id"]
    actions = ["publish_again", "discard"]
    fields = [("kind", "queue", "parked_at"), "reason", "standing", "content", "envelope"]
    readonly_fields = ["kind", "standing", "content", "envelope"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Parked]:
        """Return the parked messages. For the list page, which does not show them, their bodies are not read."""
        rows = super().get_queryset(request)
        match = request.resolver_match
        is_list = match is not None and str(match.url_name).endswith("_changelist")
        return rows.defer("body", "properties") if is_list else rows

    @admin.display(description=_("type"), ordering="wire_type")
    def kind(self, row: Parked) -> str:
        """Return the type of a parked message, or the word "unreadable" if its body could not be read."""
        return row.wire_type or str(_("unreadable"))

    @admin.display(description=_("standing"))
    def standing(self, row: Parked) -> SafeString:
        """Return a badge: the message waits for an operator's decision, or was published again at this time."""
        if row.retried_at is None:
            return badge(_("waits"), "amber")
        return badge(_("sent again %s") % row.retried_at.strftime("%m-%d %H:%M:%S"), "blue")

    @admin.display(description=_("body"))
    def content(self, row: Parked) -> SafeString:
        """Return a parked message's body as HTML, without passwords and tokens, indented where it is JSON."""
        return preformatted(readable(bytes(row.body)))

    @admin.display(description=_("properties"))
    def envelope(self, row: Parked) -> SafeString:
        """Return a message's AMQP properties as HTML; they say who sent the message and where its answer goes."""
        return preformatted(readable(orjson.dumps(row.properties)))

    @admin.action(description=_("Publish again"), permissions=["operate"])
    def publish_again(
        self, request: HttpRequest, queryset: QuerySet[Parked]
    ) -> HttpResponse | None:
        """Ask the operator to confirm, and then publish the chosen messages again to the queues they came from.

        Returns the page that asks; `None` once it is done.
        """
        chosen = self.chosen(queryset)
        warning = _("Each is handled as if it had just come; one that fails again is parked again.")
        title = _("Publish these messages again?")
        page = self.confirm(request, chosen, "publish_again", title, warning)
        if page is None:
            ids = [row.pk for row in chosen]
            published = set(parked_messages.publish_again(own_platform(), ids))
            text = _("Published again")
            self.carry_out(request, chosen, text, lambda row: row.pk in published)
        return page

    @admin.action(description=_("Discard"), permissions=["operate"])
    def discard(self, request: HttpRequest, queryset: QuerySet[Parked]) -> HttpResponse | None:
        """Ask the operator to confirm, and then delete the chosen messages. Returns the page that asks.

        `None` once it is done.
        """
        chosen = self.chosen(queryset)
        warning = _("They are forgotten here. What they asked for will not be done.")
        title = _("Discard these messages?")
        page = self.confirm(request, chosen, "discard", title, warning)
        if page is None:
            text = _("Discarded")
            self.carry_out(
                request, chosen, text, lambda row: parked_messages.discard(own_platform(), row.pk)
            )
        return page


class DestinationFilter(admin.SimpleListFilter):
    """The filter selects messages by the broker to which they are sent: our own, or that of another platform."""

    title = _("destination")
    parameter_name = "to"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, StrOrPromise]]:
        """Return the choices of the filter as (value, label): the brokers that messages are sent to or wait for."""
        backlogs = backlog.waiting_by_destination(store_of(own_platform()).database)
        return [
            (waiting.destination or "own", waiting.destination or _("our own broker"))
            for waiting in backlogs
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Outbox]) -> QuerySet[Outbox]:
        """Return the messages to send to the chosen broker, or all if none is chosen. "own" means our own broker."""
        chosen = self.value()
        condition = {"destination": "" if chosen == "own" else chosen} if chosen else {}
        return queryset.filter(**condition)


class AgeFilter(admin.SimpleListFilter):
    """The filter of the outbox page selects messages to send by how long they have waited."""

    title = _("age")
    parameter_name = "older"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, StrOrPromise]]:
        """Return the choices of the filter as (seconds, label): the ages from which a message is marked as late."""
        return [(str(LATE), _("more than 5 s")), (str(VERY_LATE), _("more than a minute"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Outbox]) -> QuerySet[Outbox]:
        """Return the messages that are older than the chosen age, or all."""
        seconds = {str(LATE): LATE, str(VERY_LATE): VERY_LATE}.get(self.value() or "")
        if seconds is None:
            return queryset
        return queryset.filter(pk__lt=clock.id_at(clock.now() - timedelta(seconds=seconds)))


@admin.register(Outbox)
class OutboxAdmin(ReadOnlyAdmin[Outbox]):
    """The page lists messages that wait to be sent. Usually they are gone within seconds."""

    empty_words = _(
        "All is well: every message is sent. Messages that wait for a broker are listed here."
    )
    scope = (SITE,)
    list_display = ["to", "where", "routing_key", "age", "due_at"]
    list_filter = [DestinationFilter, AgeFilter]
    ordering = ["id"]
    fields = [("exchange", "routing_key", "destination"), ("age", "due_at"), "content"]
    readonly_fields = ["age", "content"]

    @admin.display(description=_("destination"))
    def to(self, row: Outbox) -> str:
        """Return the id of the platform on whose broker the message is published, or "our own broker"."""
        return row.destination or str(_("our own broker"))

    @admin.display(description=_("exchange"))
    def where(self, row: Outbox) -> str:
        """Return the name of the AMQP exchange to which the message is published, or "(default)"."""
        return row.exchange or str(_("(default)"))

    @admin.display(description=_("age"))
    def age(self, row: Outbox) -> SafeString:
        """Return a badge with the seconds since the message was written."""
        seconds = (clock.now() - clock.moment_of(row.pk)).total_seconds()
        colour = "red" if seconds > VERY_LATE else "amber" if seconds > LATE else "green"
        return badge(_("%.0f s") % seconds, colour)

    @admin.display(description=_("body"))
    def content(self, row: Outbox) -> SafeString:
        """Return the body of a message that waits to be sent, as HTML, without passwords and tokens."""
        return preformatted(readable(bytes(row.body)))


@admin.register(Inbox)
class InboxAdmin(ReadOnlyAdmin[Inbox]):
    """The page lists the requests that were received in the last 24 hours, and their answers."""

    empty_words = _("The requests of the last 24 hours are listed here, with their answers.")
    scope = (SITE,)
    list_display = ["wire_type", "reqid", "e164", "origin", "taken_at", "answer_state"]
    search_fields = ["=e164", "=key"]
    search_help_text = _("number of the conference")
    ordering = ["-taken_at"]
    fields = [("wire_type", "reqid", "e164"), ("origin", "taken_at", "answer_state"), "answer_text"]
    readonly_fields = ["answer_state", "answer_text"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Inbox]:
        """Return the received requests. For the list page, which does not show them, their answers are not read."""
        rows = super().get_queryset(request)
        match = request.resolver_match
        is_list = match is not None and str(match.url_name).endswith("_changelist")
        return rows.defer("answer") if is_list else rows

    @admin.display(description=_("answered"))
    def answer_state(self, row: Inbox) -> SafeString:
        """Return a badge: the request is answered, still open, or so old that its sender waits no longer."""
        if row.answered:
            return badge(_("answered"), "green")
        if clock.now() - row.taken_at < timedelta(seconds=EXPIRES_AFTER_SECONDS):
            return badge(_("open"), "amber")
        return badge(_("without an answer"), "grey")

    @admin.display(description=_("answer"))
    def answer_text(self, row: Inbox) -> SafeString:
        """Return the stored answer to a request as HTML, without passwords and tokens; "–" if there is none."""
        return preformatted(readable(bytes(row.answer)) if row.answer else "–")


def readable(body: bytes) -> str:
    """Return a body for people: indented, its secrets replaced by dots, at most MAX_CHARACTERS long.

    One that is no JSON is shown as text.
    """
    try:
        masked = _mask_secrets(orjson.loads(body))
        text = orjson.dumps(masked, option=orjson.OPT_INDENT_2).decode()
    except (ValueError, TypeError):
        text = _SECRET_IN_TEXT.sub(r"\1•••", body[:MAX_CHARACTERS].decode(errors="replace"))
    return text[:MAX_CHARACTERS]


def _mask_secrets(value: JSONValue) -> JSONValue:
    """Return a JSON value with dots in place of the values of secret fields, at any depth."""
    if isinstance(value, dict):
        return {
            name: "•••" if name in SECRET_FIELDS and member else _mask_secrets(member)
            for name, member in value.items()
        }
    return [_mask_secrets(element) for element in value] if isinstance(value, list) else value
