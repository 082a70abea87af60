"""Search over HTTP."""

from __future__ import annotations

import re
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from foundation.web.errors import ack
from im.api.base import Call, Limit
from im.data import queries, search
from im.data.search import SearchPosition, SearchRequest
from im.rules.bigrams import parse_query, snippet
from im.rules.messages import Data, StoredEntry, to_wire

LONGEST = 100
"""Characters of a question."""
_BEFORE = re.compile(r"[0-9]{1,18}\.[0-9]{1,18}")


class Looking(serializers.Serializer[Any]):
    """`q`: words, all of which a message has; the last one may be a beginning. `conversation`: in that
    one alone. `before`: as the last answer said."""

    q = serializers.CharField(max_length=LONGEST)
    conversation = serializers.IntegerField(min_value=1, max_value=2**63 - 1, required=False)
    before = serializers.RegexField(_BEFORE, required=False)
    count = serializers.IntegerField(min_value=1, max_value=50, default=20)


class _Piece(serializers.Serializer[Any]):
    text = serializers.CharField()
    hit = serializers.BooleanField()


class _Hit(serializers.Serializer[Any]):
    cmd = serializers.CharField()
    data = serializers.DictField()  # type: ignore[assignment]
    snippet = _Piece(many=True)


class SearchAnswer(serializers.Serializer[Any]):
    """`before` is null when there is nothing more."""

    success = serializers.IntegerField()
    found = _Hit(many=True)
    before = serializers.CharField(allow_null=True)


class Searches(Limit):
    """A question costs some milliseconds of the database."""

    name, most, seconds = "search", 60, 60


class Search(Call):
    """What was said."""

    throttle_classes = (Searches,)

    @extend_schema(parameters=[Looking], responses=SearchAnswer)
    def get(self, request: Request) -> Response:
        """Messages of one's own conversations, newest first, with a piece of text around what was found."""
        given = self.given(Looking)
        asked = parse_query(given["q"])
        before = given.get("before")
        point = SearchPosition(*map(int, before.split("."))) if before else None
        database, one = self.place.database, given.get("conversation")
        sights = queries.visible_ranges(database, self.me.id)
        mine = {number: seen for number, seen in sights.items() if one in (None, number)}
        ask = SearchRequest(self.me.id, asked, mine)
        page = search.find_messages(database, ask, point, given["count"], self.now)
        return ack(
            found=[_hit(one, asked.terms) for one in page.found],
            before=f"{page.before.place}.{page.before.conversation}" if page.before else None,
        )


def _hit(entry: StoredEntry, terms: tuple[str, ...]) -> Data:
    pieces = [{"text": text, "hit": hit} for text, hit in snippet(entry.body, terms)]
    return {**to_wire(entry), "snippet": pieces}
