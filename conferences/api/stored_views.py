"""The base classes of the API calls about templates and virtual rooms (`template_views`, `room_views`).

Everybody of the user domain may read them (personal templates: only their owner). `stored_commands.may_write_stored`
says who may write.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

from conferences.api import (
    request_parsing,
    stored_commands,
    unsupported,
)
from conferences.api.call import Call
from conferences.data import stored_rows
from conferences.data.platform_resolver import platform_of_domain
from conferences.rules.stored import (
    Draft,
    Kind,
    StoredConference,
)
from conferences.rules.stored_settings import GivenSettings
from domains.models import Account
from foundation.cells.directory import store_of
from foundation.web.errors import Refusal
from wire.conference_settings import ConferenceSettings

MAX_ROWS = 500
_NOT_OF_PUBLIC = ("speaker", "chairman", "invite_members", "password")
"""Arguments that a public template does not keep (HTTP API §2)."""

PAGING = [
    OpenApiParameter("start", int),
    OpenApiParameter("count", int, description="0: all, at most 500."),
    OpenApiParameter("order", int, description="0: oldest first, 1: newest first."),
]


class StoredCall(Call):
    """Define the base of calls about one kind of template or virtual room."""

    kind: ClassVar[Kind]

    def account(self, request: Request) -> Account:
        """Return the account whose client application calls."""
        return self.session(request).account

    def find(self, request: Request, stored_id: str) -> StoredConference:
        """Return the template or virtual room with this id, if the caller may use it. Raises Refusal."""
        return stored_commands.find_stored(self.kind, stored_id, self.account(request))

    def page(self, request: Request) -> tuple[stored_rows.StoredPage, int]:
        """Return the requested part of the list of templates or virtual rooms, and the position of its first entry.

        With the argument `order` 1 the newest come first. A `count` of 0 means MAX_ROWS, the most that are listed.
        Personal templates are those of the caller, all others those of the caller's user domain. Raises Refusal.
        """
        params = self.params(request)
        start = max(0, request_parsing.number(params.get("start"), "start", 0))
        count = request_parsing.number(params.get("count"), "count", 10)
        account, domain = self.account(request), self.domain(request)
        page = stored_rows.stored_page(
            store_of(platform_of_domain(domain)).database,
            self.kind,
            account.moid if self.kind is Kind.PERSONAL else domain,
            start=min(start, 10**6),
            count=MAX_ROWS if count <= 0 else min(count, MAX_ROWS),
            newest_first=request_parsing.number(params.get("order"), "order", 0) == 1,
        )
        return page, start

    def without_secrets(
        self, request: Request, fields: dict[str, object], stored: StoredConference
    ) -> dict[str, object]:
        """Return the fields of an answer; the password is "" if the caller may not change `stored`."""
        is_secret = not stored_commands.may_write_stored(stored, self.kind, self.account(request))
        return fields | {"password": ""} if is_secret else fields

    def faults(self, request: Request) -> dict[str, str]:
        """Return argument -> what is wrong with it, or that it has no effect; {} if all arguments are fine."""
        params = self.params(request)
        try:
            self.read_settings(params)
        except Refusal as refusal:
            name, _, words = refusal.description.partition(": ")
            return {name: words} if words else {"params": name}
        return dict.fromkeys(self.without_effect(params), "has no effect here")

    def read_settings(self, params: Mapping[str, object]) -> GivenSettings:
        """Return the settings of a conference that the arguments contain, except those that this kind ignores.

        Raises Refusal, also for arguments on which people rely for their safety but which have no effect.
        """
        unsupported.refuse_unsafe(params)
        used_params = {
            name: value
            for name, value in params.items()
            if not (self._ignores_argument(name) and value is not None)
        }
        return request_parsing.given_settings(used_params)

    def _ignores_argument(self, argument: str) -> bool:
        """Return whether templates of this kind do not keep an argument."""
        return self.kind is Kind.PUBLIC and argument in _NOT_OF_PUBLIC

    def without_effect(self, params: Mapping[str, object]) -> list[str]:
        """Return the names of the arguments without effect on the conferences of this template or virtual room."""
        dropped = [name for name, value in params.items() if self._ignores_argument(name) and value]
        return [*unsupported.names_without_effect(params), *dropped]

    def description(self, request: Request) -> str:
        """Return a sentence that names the arguments without effect; "" if there are none."""
        names = self.without_effect(self.params(request))
        return f"without effect here: {', '.join(names)}" if names else ""


# ---- lists ---------------------------------------------------------------------------------------


class StoredList(StoredCall):
    """Define the base of the calls that list templates or virtual rooms, and add one."""

    def draft(self, request: Request, requested: GivenSettings) -> Draft:
        """Return the template or virtual room that the arguments request, with these settings, not stored yet.

        Raises Refusal.
        """
        account, params = self.account(request), self.params(request)
        name = request_parsing.conference_name(params.get("name"))
        return Draft(
            kind=self.kind,
            name=name,
            user_domain=self.domain(request),
            settings=ConferenceSettings(**(self.defaults() | requested | {"name": name})),
            owner=account.moid,
            owner_name=str(account)[:64],
            e164=self.number(params),
        )

    def defaults(self) -> GivenSettings:
        """Return the settings whose defaults differ from those of a conference: none, unless a subclass has some."""
        return {}

    def number(self, params: Mapping[str, object]) -> str | None:
        """Return the conference number (E.164) that the arguments request: `None` means any free one, "" none.

        This is the default; a kind that has numbers to request overrides it.
        """
        return None

    def add(self, request: Request) -> StoredConference:
        """Create the requested template or virtual room, and return it. Raises Refusal."""
        draft = self.draft(request, self.read_settings(self.params(request)))
        return stored_commands.create_stored(draft, self.account(request))
