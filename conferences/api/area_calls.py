"""Define the calls `mc/meeting_room_areas`: a user domain's areas of meeting rooms, which its administrators keep."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from conferences.api.call import Call
from conferences.api.commands import Nack
from conferences.data.platform_resolver import platform_of_domain
from conferences.flows import areas
from conferences.flows.areas import AreaRefused
from conferences.models import MeetingRoomArea
from domains.models import Level
from foundation.cells.directory import store_of
from foundation.plain_text import fault_of
from foundation.web.arguments import malformed, words
from foundation.web.errors import Refusal, ack
from foundation.web.serializers import answers
from foundation.web.shapes import answer, many, name, number, shape, string

NO_RIGHT, NO_AREA = 19003, 20108
MAX_LENGTH = 60
_AreaParams = shape("AreaParams", "An area.", area=name(MAX_LENGTH))
_AreaRow = shape("AreaRow", "An area.", id=string(), area=string())
_Areas = answer("MeetingRoomAreas", "The areas.", total=number(), meeting_room_areas=many(_AreaRow))
_AreaId = answer("AreaCreated", "A new area.", id=string())
_AreaDone = answer("AreaChanged", "An area is changed or deleted.", description=string())
_PAGING = [OpenApiParameter("start", int), OpenApiParameter("count", int)]


class AreaCall(Call):
    """Define the base of the calls about areas, into which a user domain sorts its meeting rooms."""

    def platform_to_change(self, request: Request, verb: str) -> str:
        """Return the platform whose data has the caller's areas of meeting rooms, if the caller may change them.

        Raises Refusal. `verb`: the right that is needed: `add`, `change` or `delete`.
        """
        account = self.session(request).account
        is_of_tenant = account.domain is not None and account.domain.level == Level.USER
        if not is_of_tenant or not account.has_perm(f"conferences.{verb}_meetingroomarea"):
            raise Refusal(NO_RIGHT, "only administrators of a user domain keep its areas")
        return platform_of_domain(self.domain(request))

    def new_name(self, request: Request) -> str:
        """Return the name that the arguments give to an area of meeting rooms. Raises Refusal."""
        area = words(self.params(request).get("area"), "area").strip()
        if not area or len(area) > MAX_LENGTH or fault_of(area):
            raise malformed(f"area: 1 to {MAX_LENGTH} characters that can be seen are needed")
        return area


def _area_id(area_id: str) -> int:
    """Return the id of an area that the URL contains, as a number. Raises Refusal, the same as for an unknown area."""
    if not area_id.isascii() or not area_id.isdigit() or len(area_id) > 18:
        raise Refusal(NO_AREA, "id: there is no such area")
    return int(area_id)


class Areas(AreaCall):
    """The call `mc/meeting_room_areas` lists a user domain's areas of meeting rooms, and adds one."""

    @extend_schema(
        operation_id="meeting_room_areas_list",
        parameters=_PAGING,
        responses={200: answers(_Areas)},
    )
    def get(self, request: Request) -> Response:
        """List the areas into which the caller's user domain sorts its meeting rooms, by name."""
        domain = self.domain(request)
        database = store_of(platform_of_domain(domain)).database
        rows = MeetingRoomArea.objects.using(database).filter(user_domain=domain)
        start, count = self.wanted_rows(request)
        page = rows.order_by("area")[start : start + count]
        listed = [{"id": str(row.pk), "area": row.area} for row in page]
        return ack(total=rows.count(), meeting_room_areas=listed)

    @extend_schema(request=_AreaParams, responses={200: answers(_AreaId)})
    def post(self, request: Request) -> Response:
        """Create an area, into which a user domain sorts its meeting rooms. Raises Refusal."""
        platform = self.platform_to_change(request, "add")
        try:
            area_id = areas.save_area(platform, self.domain(request), self.new_name(request))
        except AreaRefused as refused:
            raise Nack(refused.code, refused.detail) from None
        return ack(id=str(area_id))


class OneArea(AreaCall):
    """The call `mc/meeting_room_areas/{id}` renames and deletes an area of meeting rooms."""

    @extend_schema(
        operation_id="meeting_room_areas_change",
        request=_AreaParams,
        responses={200: answers(_AreaDone)},
    )
    def post(self, request: Request, area_id: str) -> Response:
        """Give an area of meeting rooms another name. Raises Refusal."""
        platform = self.platform_to_change(request, "change")
        try:
            areas.save_area(
                platform, self.domain(request), self.new_name(request), _area_id(area_id)
            )
        except AreaRefused as refused:
            raise Nack(refused.code, refused.detail) from None
        return ack(description="")

    @extend_schema(request=None, responses={200: answers(_AreaDone)})
    def delete(self, request: Request, area_id: str) -> Response:
        """Delete an area of meeting rooms. Raises Refusal."""
        platform = self.platform_to_change(request, "delete")
        try:
            areas.delete_area(platform, self.domain(request), _area_id(area_id))
        except AreaRefused as refused:
            raise Nack(refused.code, refused.detail) from None
        return ack(description="")
