"""The API calls `mc/virtual_meeting_rooms…` (HTTP API §2)."""

from __future__ import annotations

from collections.abc import Mapping

from django.conf import settings
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from conferences.api import (
    commands,
    request_parsing,
    stored_commands,
    stored_serializers,
    stored_shapes,
)
from conferences.api.stored_views import PAGING, StoredCall, StoredList
from conferences.data.join_links import room_link
from conferences.rules.stored import MAX_EXCLUSIVE_USERS, Draft, Kind, StoredConference
from conferences.rules.stored_settings import GivenSettings
from foundation.web.errors import Refusal, ack
from foundation.web.serializers import answers
from wire.error_codes import Err
from wire.fields import may_be_number


class VirtualRooms(StoredList):
    """The API call `mc/virtual_meeting_rooms` lists the virtual rooms of a user domain, and adds one."""

    kind = Kind.ROOM

    def defaults(self) -> GivenSettings:
        """Return the settings of a virtual room without an argument: its conference lasts until everybody has left."""
        return {"duration": 0, "auto_end": True}

    def number(self, params: Mapping[str, object]) -> str | None:
        """Return the number that is requested for a virtual room (`e164`); `None` means any free number.

        Raises Refusal.
        """
        number = request_parsing.words(params.get("e164"), "e164")
        if number and not (number.isascii() and may_be_number(number)):
            raise Refusal(int(Err.MALFORMED), "e164: at most 16 digits are allowed")
        return number or None

    def draft(self, request: Request, requested: GivenSettings) -> Draft:
        """Return the draft of the requested virtual room.

        Raises Refusal, also for a number that the caller may not have.
        """
        draft, account = super().draft(request, requested), self.account(request)
        if draft.e164 and not stored_commands.may_have_number(draft.e164, account):
            raise commands.Nack(
                Err.NOT_PERMITTED, "e164: this number is not for rooms of your domain"
            )
        return draft

    @extend_schema(
        operation_id="virtual_meeting_rooms_list",
        parameters=PAGING,
        responses=answers(stored_serializers.VirtualRooms),
    )
    def get(self, request: Request) -> Response:
        """List the virtual rooms (permanent numbers) of the caller's user domain in the order of their creation.

        Each has the name of the conference that runs in it; "" if none does.
        """
        page, _ = self.page(request)
        running_names = stored_commands.names_of_running(page.items)
        rooms = [
            stored_shapes.room_item(room, running_names.get(room.e164, ""))
            | self.link(request, room)
            for room in page.items
        ]
        return ack(total=page.total, virtual_meeting_rooms=rooms)

    @extend_schema(
        request=stored_serializers.RoomParams, responses=answers(stored_serializers.RoomId)
    )
    def post(self, request: Request) -> Response:
        """Add a virtual room, which keeps its own number, and answer with its id, number and link. Raises Refusal."""
        params, domain = self.params(request), self.domain(request)
        draft = self.draft(request, self.read_settings(params))
        exclusive, users = parse_exclusive(params, domain)
        draft = draft._replace(exclusive=bool(exclusive), exclusive_users=users or ())
        stored = stored_commands.create_stored(draft, self.account(request))
        link = link_for(stored, self.account(request).moid)
        return ack(id=stored.id, e164=stored.e164, description=self.description(request), **link)

    def link(self, request: Request, room: StoredConference) -> dict[str, object]:
        """Return the link to a virtual room's join page, as a field of the answer."""
        return link_for(room, self.account(request).moid)


def link_for(room: StoredConference, person: str) -> dict[str, object]:
    """Return the field `join_url`: the link to a room's join page; "" if the room does not admit `person` (MOID)."""
    return {"join_url": settings.PUBLIC_URL + room_link(room) if room.admits(person) else ""}


def parse_exclusive(
    params: Mapping[str, object], domain: str
) -> tuple[bool | None, tuple[str, ...] | None]:
    """Return the arguments `exclusive` (whether a room admits named people only) and `exclusive_users` (their MOIDs).

    Each is `None` if it is missing. Raises Refusal. `domain`: the user domain to which the named accounts must
    belong.
    """
    exclusive = None
    if params.get("exclusive") not in (None, ""):
        exclusive = request_parsing.switch(params["exclusive"], "exclusive")
    if params.get("exclusive_users") is None:
        return exclusive, None
    people = request_parsing.items(
        params["exclusive_users"], "exclusive_users", MAX_EXCLUSIVE_USERS
    )
    names = [
        request_parsing.words(person.get("account"), "exclusive_users.account") for person in people
    ]
    return exclusive, stored_commands.resolve_accounts(names, domain, "exclusive_users")


class VirtualRoom(StoredCall):
    """Define the API call `mc/virtual_meeting_rooms/{id}`, which shows, changes and deletes a virtual room."""

    kind = Kind.ROOM

    @extend_schema(
        operation_id="virtual_meeting_rooms_show",
        responses=answers(stored_serializers.RoomDetail),
    )
    def get(self, request: Request, stored_id: str) -> Response:
        """Answer all fields of a virtual room, without its secrets if the caller may not see them. Raises Refusal."""
        room = self.find(request, stored_id)
        running_names = stored_commands.names_of_running([room])
        detail = stored_shapes.room_detail(room, running_names.get(room.e164, ""))
        detail |= link_for(room, self.account(request).moid)
        return ack(**self.without_secrets(request, detail, room))

    @extend_schema(
        operation_id="virtual_meeting_rooms_change",
        request=stored_serializers.RoomParams,
        responses=answers(stored_serializers.RoomId),
    )
    def post(self, request: Request, stored_id: str) -> Response:
        """Change the fields of a virtual room that the arguments contain; its number stays. Raises Refusal."""
        room, params = self.find(request, stored_id), self.params(request)
        exclusive, users = parse_exclusive(params, self.domain(request))
        changes = stored_commands.changes_to_settings(room, self.read_settings(params))
        changes = changes._replace(exclusive=exclusive, exclusive_users=users)
        stored_commands.update_stored(room, changes, self.account(request))
        link = link_for(room, self.account(request).moid)
        return ack(id=room.id, e164=room.e164, description=self.description(request), **link)

    @extend_schema(
        operation_id="virtual_meeting_rooms_delete",
        request=None,
        responses={200: answers(stored_serializers.Deleted)},
    )
    def delete(self, request: Request, stored_id: str) -> Response:
        """Delete a virtual room in which no conference is held."""
        stored_commands.delete_stored(self.find(request, stored_id), self.account(request))
        return ack(description="")
