"""The API calls `mc/booked_confs…`, which list, make, change and cancel reservations (HTTP API §2)."""

from __future__ import annotations

from datetime import datetime

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from conferences.api import (
    booking_commands,
    booking_serializers,
    booking_shapes,
    request_parsing,
    unsupported,
)
from conferences.api.call import Call
from conferences.data import reservation_queries
from conferences.data.platform_resolver import platform_of_domain
from conferences.rules.booking import parse_moment
from conferences.rules.reservation import Reservation
from foundation import clock
from foundation.cells.directory import store_of
from foundation.web.arguments import number, words
from foundation.web.errors import Refusal, ack
from foundation.web.serializers import Accepted, answers
from wire.conference_manager import Creator
from wire.error_codes import MEANING, Err

MAX_ROWS = 500
MAX_SHOWN_OCCURRENCES = 400
_PAGING = [
    OpenApiParameter("start", int),
    OpenApiParameter("count", int, description="0: all, at most 500."),
    OpenApiParameter("order", int, description="0: earliest first, 1: latest first."),
    OpenApiParameter("start_time", str, description="ISO 8601 with an offset. Default: now."),
    OpenApiParameter("end_time", str, description="ISO 8601 with an offset. Default: open."),
]


class BookingCall(Call):
    """Define the base of the calls about reservations of conferences."""

    def may_see_password(self, request: Request, reservation: Reservation) -> bool:
        """Return whether the caller may see the password of a reservation, which needs the right to change it."""
        return booking_commands.may_write_reservation(reservation, self.session(request).account)

    def description(self, request: Request) -> str:
        """Return a sentence for the answer that names the arguments without effect; "" if there are none."""
        names = unsupported.names_without_effect(self.params(request))
        return f"without effect here: {', '.join(names)}" if names else ""

    def moment(self, request: Request, name: str, default: datetime) -> datetime:
        """Return the argument with this name, a time in ISO 8601, or the default if it is missing.

        Raises Refusal if it is no time in ISO 8601 with an offset.
        """
        text = words(self.params(request).get(name), name)
        # A "+" of the offset that the client did not encode in the URL is read as a space: "12:00:00 08:00".
        moment = parse_moment(text.replace(" ", "+")) if text else default
        if moment is None:
            raise Refusal(int(Err.MALFORMED), f"{name}: must be ISO 8601 with an offset")
        return moment

    def faults(self, request: Request) -> dict[str, str]:
        """Return what is wrong with the arguments: the first error, or all that have no effect (name -> explanation).

        They are checked like those of a conference that starts now. A change may leave out the name, so "x"
        stands for it.
        """
        params = self.params(request)
        try:
            unsupported.refuse_unsafe(params)
            request_parsing.create_request({"name": "x", **params}, "", Creator())
        except Refusal as refusal:
            name, _, fault = refusal.description.partition(": ")
            return {name: fault} if fault else {"params": name}
        return dict.fromkeys(unsupported.names_without_effect(params), "has no effect here")


class BookedConferences(BookingCall):
    """The API call `mc/booked_confs` lists the occurrences of reservations, and books a conference."""

    knows_repeated_requests = True

    @extend_schema(
        operation_id="booked_confs_list",
        parameters=_PAGING,
        responses=answers(booking_serializers.BookedList),
    )
    def get(self, request: Request) -> Response:
        """List the booked occurrences of the caller's user domain by their start; a series has several entries.

        With the argument `order` 1 the latest come first. A `count` of 0 means MAX_ROWS, the most that are listed.
        """
        params = self.params(request)
        count = number(params.get("count"), "count", 10)
        domain = self.domain(request)
        page = reservation_queries.planned_page(
            store_of(platform_of_domain(domain)).database,
            "user_domain",
            domain,
            self.moment(request, "start_time", clock.now()),
            self.moment(request, "end_time", reservation_queries.FOR_EVER),
            start=min(max(0, number(params.get("start"), "start", 0)), 10**6),
            count=MAX_ROWS if count <= 0 else min(count, MAX_ROWS),
            latest_first=number(params.get("order"), "order", 0) == 1,
        )
        items = [
            booking_shapes.booked_item(
                *booked, with_password=self.may_see_password(request, booked[0])
            )
            for booked in page.occurrences
        ]
        return ack(total=page.total, booked_confs=items)

    @extend_schema(
        request=booking_serializers.BookingParams,
        responses=answers(booking_serializers.Booked),
    )
    def post(self, request: Request) -> Response:
        """Book a conference, once or repeatedly, and answer with its number and its id.

        Raises Refusal. The header Idempotency-Key lets a repeated request return the first booking.
        The answer's description names arguments that have no effect.
        """
        params = self.params(request)
        unsupported.refuse_unsafe(params)
        key = request.headers.get("Idempotency-Key", "")[:64]
        booked = booking_commands.book_conference(
            params, self.session(request).account, key or None
        )
        description = self.description(request)
        return ack(conf_id=booked.e164, meeting_id=booked.bookid, description=description)


class BookedConference(BookingCall):
    """The API call `mc/booked_confs/{booked}`; `booked` is the number, or the id of the reservation."""

    @extend_schema(responses=answers(booking_serializers.BookedDetail))
    def get(self, request: Request, booked: str) -> Response:
        """Answer all fields of one reservation, as its next occurrence will be held.

        Raises Refusal if there is none, or it has no meeting any more.
        """
        reservation = booking_commands.find_reservation(booked, self.session(request).account)
        database = store_of(platform_of_domain(self.domain(request))).database
        occurrences = reservation_queries.planned_occurrences(
            database, reservation.bookid, MAX_SHOWN_OCCURRENCES
        )
        if not occurrences:
            raise Refusal(20108, f"conf_id: {MEANING[Err.NOT_FOUND]}")
        with_password = self.may_see_password(request, reservation)
        detail = booking_shapes.booked_detail(reservation, occurrences, with_password=with_password)
        return ack(**detail)

    @extend_schema(
        operation_id="booked_confs_change",
        request=booking_serializers.BookingChanges,
        responses=answers(booking_serializers.Booked),
    )
    def post(self, request: Request, booked: str) -> Response:
        """Change a reservation, or one occurrence (single meeting) of it, and answer with its number and id.

        Raises Refusal; then the reservation stays as it was. The answer's description names
        arguments that have no effect.
        """
        params, account = self.params(request), self.session(request).account
        unsupported.refuse_unsafe(params)
        changed = booking_commands.change_reservation(
            booking_commands.find_reservation(booked, account), params, account
        )
        description = self.description(request)
        return ack(conf_id=changed.e164, meeting_id=changed.bookid, description=description)

    @extend_schema(
        request=None,
        parameters=[OpenApiParameter("occurrence", str)],
        responses=answers(Accepted),
    )
    def delete(self, request: Request, booked: str) -> Response:
        """Cancel a reservation, or the one occurrence (single meeting) that `occurrence` names; one that runs goes on.

        Raises Refusal.
        """
        account = self.session(request).account
        reservation = booking_commands.find_reservation(booked, account)
        named = words(self.params(request).get("occurrence"), "occurrence")
        # In a URL the "+" of an offset such as +08:00 means a space.
        booking_commands.cancel_reservation(reservation, named.replace(" ", "+"), account)
        return ack()
