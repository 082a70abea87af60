"""The administrators' pages of instant messaging; they never show the text of people's messages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import redis
from django import forms
from django.contrib import admin
from django.db import transaction
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from domains.models import Domain
from foundation import clock
from foundation.cells.directory import own_platform, store_of
from foundation.web.admin_base import BaseAdmin, ReadOnlyAdmin, badge, table
from im.data import people, presence_store
from im.flows import admin_actions, broadcast, revoke
from im.models import Broadcast, Conversation, Listener
from im.pages import plugin_admin, server_admin
from im.rules.vocabulary import Membership, Presence

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

__all__ = ["plugin_admin", "server_admin"]

MOST_MEMBERS = 100
MOST_ONLINE = 5000
COLOURS = {Presence.ONLINE: "green", Presence.BUSY: "red", Presence.AWAY: "amber"}


@admin.register(Conversation)
class ConversationAdmin(ReadOnlyAdmin[Conversation]):
    """Define the page of conversations: who takes part, and how much is written, but not what."""

    empty_words = _("Conversations are listed here when people have begun them.")
    scope = ("domain",)
    list_display = [
        "number",
        "kind",
        "name",
        "tenant",
        "members",
        "messages",
        "created_at",
        "standing",
    ]
    list_filter = ["kind", "closed"]
    search_fields = ["=id"]
    search_help_text = _("number, beginning of the name, or meeting id")
    ordering = ["-id"]
    actions = ["close", "reopen"]
    fields = [
        ("number", "kind", "standing"),
        ("name", "tenant"),
        ("messages", "last_seq"),
        ("created_at", "confid"),
        "who",
    ]
    readonly_fields = ["number", "tenant", "standing", "who"]

    def find(
        self, request: HttpRequest, queryset: QuerySet[Conversation], term: str
    ) -> QuerySet[Conversation]:
        """Return the conversations with this id, with this conference's id, or whose name begins with the text."""
        if term.isdecimal() and len(term) < 20:
            return queryset.filter(pk=int(term))
        return queryset.filter(Q(confid=term) | Q(name__istartswith=term))

    def enrich(self, rows: Sequence[Any]) -> None:
        """Add the name of its tenant to each conversation on this page, in one query."""
        names = dict(
            Domain.objects.filter(pk__in={row.domain for row in rows}).values_list("pk", "name")
        )
        for row in rows:
            row.tenant_name = names.get(row.domain, row.domain)

    @admin.display(description=_("number"), ordering="pk")
    def number(self, row: Conversation) -> str:
        """Return the conversation's id, as clients know it."""
        return str(row.pk)

    @admin.display(description=_("tenant"))
    def tenant(self, row: Conversation) -> str:
        """Return the name of the creator's user domain."""
        if not hasattr(row, "tenant_name"):
            self.enrich([row])
        return str(row.tenant_name)  # type: ignore[attr-defined]  # added to each row by the page

    @admin.display(description=_("standing"))
    def standing(self, row: Conversation) -> SafeString:
        """Return whether the conversation is open or closed, as a badge."""
        return badge(_("closed"), "grey") if row.closed else badge(_("open"), "green")

    @admin.display(description=_("members"))
    def who(self, row: Conversation) -> SafeString:
        """Return a table of the conversation's first MOST_MEMBERS (100) members, in the order of joining."""
        members = row.people.filter(state=Membership.ACTIVE).order_by("id")[:MOST_MEMBERS]
        return table([_("member"), _("role")], [(member.name, member.role) for member in members])

    @admin.action(description=_("Close"), permissions=["operate"])
    def close(self, request: HttpRequest, queryset: QuerySet[Conversation]) -> HttpResponse | None:
        """Ask the operator to confirm, and then close the chosen conversations. Returns the page that asks.

        `None` once done.
        """
        warning = _("Nobody can write there any more. What was written stays with the members.")
        title = _("Close these conversations?")
        return self._close_or_reopen(request, queryset, "close", title, warning, _("Closed"))

    @admin.action(description=_("Open again"), permissions=["operate"])
    def reopen(self, request: HttpRequest, queryset: QuerySet[Conversation]) -> HttpResponse | None:
        """Ask the operator to confirm, and then open conversations again. Returns the page that asks.

        `None` once done.
        """
        title, warning = _("Open these conversations again?"), _("Their members can write again.")
        return self._close_or_reopen(request, queryset, "reopen", title, warning, _("Opened again"))

    def _close_or_reopen(
        self,
        request: HttpRequest,
        queryset: QuerySet[Conversation],
        action: str,
        title: StrOrPromise,
        warning: StrOrPromise,
        did: StrOrPromise,
    ) -> HttpResponse | None:
        """Close or reopen the chosen conversations once the administrator has confirmed it.

        `action` is `close` or `reopen`; `did` is the text that reports each changed conversation.
        Return the page that asks for the confirmation, or `None` when it is done.
        """
        chosen = self.chosen(queryset)
        page = self.confirm(request, chosen, action, title, warning)
        if page is None:
            store, administrator = store_of(own_platform()), people.person_of_account(request.user)  # type: ignore[arg-type]  # the admin lets only accounts in
            self.carry_out(
                request,
                chosen,
                did,
                lambda row: admin_actions.set_closed(
                    store, row.pk, administrator, action == "close"
                ),
            )
        return page


@admin.register(Listener)
class ListenerAdmin(ReadOnlyAdmin[Listener]):
    """Define the page of people who are online for instant messages at this site, latest heartbeat first."""

    empty_words = _("People are listed here while they are signed in to instant messages.")
    scope = ("domain",)
    for_superusers = Q(is_superuser=True)
    list_display = ["username", "full_name", "domain", "presence", "ways"]
    list_select_related = ["domain"]
    search_fields = ["^username"]
    search_help_text = _("beginning of the account name")
    ordering = ["username"]
    actions = ["sign_out"]
    fields = [("username", "full_name"), "domain", ("presence", "ways")]
    readonly_fields = ["full_name", "presence", "ways"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Listener]:
        """Return the accounts that are online, at most MOST_ONLINE; none if Redis is unavailable."""
        try:
            users = presence_store.online_users(MOST_ONLINE)
        except redis.RedisError:
            users = []
        return super().get_queryset(request).filter(moid__in=users)

    def enrich(self, rows: Sequence[Any]) -> None:
        """Add presence and protocols to the accounts on this page, in two calls to Redis.

        Nobody is online without Redis.
        """
        users, now = [row.moid for row in rows], clock.now().timestamp()
        protocols = presence_store.protocols_of_online(users, now)
        try:
            states = presence_store.presence(users, now)
        except redis.RedisError:
            states = {}
        for row in rows:
            row.online_over, row.shown_presence = (
                protocols.get(row.moid, ""),
                states.get(row.moid, Presence.OFFLINE),
            )

    @admin.display(description=_("name"))
    def full_name(self, row: Listener) -> str:
        """Return the person's name as others see it."""
        return row.get_full_name() or "–"

    @admin.display(description=_("presence"))
    def presence(self, row: Any) -> SafeString:
        """Return the presence (online, busy, ...) that the person has chosen to show."""
        if not hasattr(row, "shown_presence"):
            self.enrich([row])
        return badge(row.shown_presence.value, COLOURS.get(row.shown_presence, "grey"))

    @admin.display(description=_("protocols"))
    def ways(self, row: Any) -> str:
        """Return the protocols (AMQP, STOMP, MQTT) over which the person is online."""
        if not hasattr(row, "online_over"):
            self.enrich([row])
        names = {"a": "AMQP, STOMP", "m": "MQTT"}
        return "; ".join(names[way] for way in row.online_over) or "–"

    @admin.action(description=_("Sign out everywhere"), permissions=["operate"])
    def sign_out(self, request: HttpRequest, queryset: QuerySet[Listener]) -> HttpResponse | None:
        """Ask the operator to confirm, and then sign people out by revoking their access tokens.

        Returns the page that asks; `None` once it is done.
        """
        chosen = self.chosen(queryset)
        warning = _(
            "Their tokens are void and their connections are closed. They can sign in again."
        )
        title = _("Sign these people out of instant messages?")
        page = self.confirm(request, chosen, "sign_out", title, warning)
        if page is None:
            self.carry_out(request, chosen, _("Signed out of instant messages"), _sign_out)
        return page


def _sign_out(row: Listener) -> bool:
    """Revoke all access tokens of the account, so that its connections are closed; return True (it is done)."""
    database = store_of(own_platform()).database
    with transaction.atomic(using=database):
        revoke.revoke_all(database, [row.moid])
    return True


class BroadcastForm(forms.ModelForm):  # type: ignore[type-arg]  # only the stub of this class takes a type
    """The form sends a broadcast; since it reaches many people, it asks for a confirmation."""

    sure = forms.BooleanField(
        label=_("Yes, tell everybody there"),
        help_text=_(
            "It goes to all people of this domain and of those below it, and is not taken back."
        ),
    )

    class Meta:
        model = Broadcast
        fields = ("domain", "text")


@admin.register(Broadcast)
class BroadcastAdmin(BaseAdmin[Broadcast]):
    """The broadcasts, and a page to send one."""

    scope = ("domain",)
    form = BroadcastForm
    list_display = ["at", "domain", "text", "by"]
    list_select_related = ["domain"]
    ordering = ["-id"]
    autocomplete_fields = ["domain"]

    def get_fields(self, request: HttpRequest, obj: Broadcast | None = None) -> list[str]:
        """Return the fields of the form; the confirmation is asked only for a broadcast not yet sent."""
        return ["domain", "text", "by", "at"] if obj else ["domain", "text", "sure"]

    def get_readonly_fields(self, request: HttpRequest, obj: Broadcast | None = None) -> list[str]:
        """Return the fields that cannot be changed: all of them, once the broadcast is sent."""
        return ["domain", "text", "by", "at"] if obj else []

    def save_model(
        self, request: HttpRequest, obj: Broadcast, form: BroadcastForm, change: bool
    ) -> None:
        """Send a new broadcast to the people of its domain and the domains below it."""
        store = store_of(own_platform())
        broadcast_row = broadcast.send_broadcast(
            store, obj.domain, obj.text, request.user.get_username()
        )
        obj.pk, obj.at, obj.by = broadcast_row.pk, broadcast_row.at, broadcast_row.by

    def log_addition(self, request: HttpRequest, obj: Model, message: object) -> None:
        """Record the broadcast with its text in the audit trail."""
        assert isinstance(obj, Broadcast)
        super().log_addition(request, obj, _("Told everybody: %s") % obj.text[:200])
