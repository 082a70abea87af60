"""What administrators have told everybody, over HTTP."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from domains.data.queries import all_above
from foundation.web.errors import ack
from im.api.base import Call
from im.api.request_forms import Page
from im.flows.broadcast import shown
from im.models import Broadcast


class _Told(serializers.Serializer[Any]):
    id = serializers.CharField()
    text = serializers.CharField()
    by = serializers.CharField()
    sent_at = serializers.DateTimeField()


class BroadcastsAnswer(serializers.Serializer[Any]):
    """In order; `after` of the next question is the last one's id."""

    success = serializers.IntegerField()
    broadcasts = _Told(many=True)


class Broadcasts(Call):
    """What was told while one was away."""

    @extend_schema(parameters=[Page], responses=BroadcastsAnswer)
    def get(self, request: Request) -> Response:
        """What was told to one's domain and to those above it, after the one with this id."""
        given = self.given(Page)
        database = self.place.database
        above = all_above(database, self.me.domain) if self.me.domain else []
        rows = Broadcast.objects.using(database).filter(domain__in=above, pk__gt=given["after"])
        return ack(broadcasts=[shown(row) for row in rows.order_by("pk")[: given["count"]]])
