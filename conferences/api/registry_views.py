"""The API call `upu/numbers/{number}`, by which operators and gateways look up a number in the number registry."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from conferences.api import request_parsing
from conferences.api.call import Call
from conferences.api.commands import NO_CONFERENCE
from conferences.data import registry_rows
from conferences.data.number_site import site_to_ask
from domains.data import queries as domain_queries
from domains.models import Account
from foundation.cells.directory import own_platform, store_of
from foundation.web.errors import Refusal, ack
from foundation.web.serializers import Accepted, answers
from wire.error_codes import Err
from wire.number_registry import RegisteredNumber


class NumberEntry(serializers.Serializer[object]):
    """An entry of the number registry: the conference, reservation, template or virtual room that has the number."""

    conf_id = serializers.CharField()
    conf_type = serializers.IntegerField(
        help_text="1 instant, 2 booked, 3 template, 4 virtual room."
    )
    name = serializers.CharField(allow_blank=True)
    user_domain_moid = serializers.CharField()
    platform_id = serializers.CharField(help_text="Where it runs; else where it belongs.")
    state = serializers.ChoiceField(["running", "idle", "booked"])


class NumberEntries(Accepted):
    """The number registry's entries of a number; that of a running conference comes first."""

    conf_id = serializers.CharField()
    numbers = NumberEntry(many=True)


class NumberInRegistry(Call):
    """The API call `upu/numbers/{number}` looks up a number in the number registry."""

    @extend_schema(
        parameters=[
            OpenApiParameter("short", int, description="1: it is a short number."),
            OpenApiParameter(
                "platform_id", str, description="Whose short number; else this site's."
            ),
        ],
        responses=answers(NumberEntries),
    )
    def get(self, request: Request, number: str) -> Response:
        """Answer those of the number registry's entries of a number that the caller may see.

        Raises Refusal if there are none. Callers see entries of their own user domain or platform (a gateway's account
        belongs to the platform domain); administrators also those of the domains below theirs. The refusal names the
        site to ask, if another one is responsible.
        """
        params, account = self.params(request), self.session(request).account
        e164 = number
        if request_parsing.switch(params.get("short"), "short"):
            platform = request_parsing.words(params.get("platform_id"), "platform_id")
            e164 = registry_rows.number_of_short(number, platform or own_platform())
        database = store_of(own_platform()).database
        entries = registry_rows.entries_of(database, e164) if e164 else ()
        visible = [entry for entry in entries if _is_visible(entry, account)]
        if visible:
            return ack(conf_id=e164, numbers=[_entry_item(entry) for entry in visible])
        if not entries and e164 and (address := site_to_ask(e164)):
            raise Refusal(int(Err.NOT_SERVED), f"number: its platform is served at {address}")
        raise Refusal(NO_CONFERENCE, "number: nothing is known of it here")


def _is_visible(entry: RegisteredNumber, account: Account) -> bool:
    """Return whether an account may see an entry of the number registry: of its own domain, or one below it."""
    if account.is_superuser:
        return True
    domain = account.domain_id or ""
    if domain in (entry.user_domain, entry.platform):
        return True
    # Only administrators see the domains below their own.
    below = domain_queries.subtree("default", domain) if account.is_staff and domain else []
    return bool({entry.user_domain, entry.platform} & set(below))


def _entry_item(entry: RegisteredNumber) -> dict[str, object]:
    """Return an entry of the number registry in the form of the API."""
    return {
        "conf_id": entry.e164,
        "conf_type": entry.conftype,
        "name": entry.name,
        "user_domain_moid": entry.user_domain,
        "platform_id": entry.platform,
        "state": entry.state,
    }
