"""Define the view with which people read the broadcasts of administrators."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from domains.data.queries import all_above
from foundation.web.errors import ack
from im.api.base import Call
from im.api.request_forms import Page
from im.flows.broadcast import to_wire
from im.models import Broadcast


class _BroadcastShape(serializers.Serializer[object]):
    """One broadcast in the answer: its text, the administrator who sent it, and when."""

    id = serializers.CharField()
    text = serializers.CharField()
    by = serializers.CharField()
    sent_at = serializers.DateTimeField()


class BroadcastsAnswer(serializers.Serializer[object]):
    """A page of broadcasts, oldest first; the next call passes the last one's id as `after`."""

    success = serializers.IntegerField()
    broadcasts = _BroadcastShape(many=True)


class Broadcasts(Call):
    """The view lists the broadcasts which the caller missed while offline."""

    @extend_schema(parameters=[Page], responses=BroadcastsAnswer)
    def get(self, request: Request) -> Response:
        """Return the broadcasts with an id above `after` to the caller's domain and the domains above it."""
        arguments = self.arguments(Page)
        database = self.store.database
        above = all_above(database, self.me.domain) if self.me.domain else []
        rows = Broadcast.objects.using(database).filter(domain__in=above, pk__gt=arguments["after"])
        return ack(broadcasts=[to_wire(row) for row in rows.order_by("pk")[: arguments["count"]]])
