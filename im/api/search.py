"""Define the view with which people search their own conversations."""

from __future__ import annotations

import re

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

MAX_QUERY_LENGTH = 100
"""A query has at most this many characters."""
_BEFORE = re.compile(r"[0-9]{1,18}\.[0-9]{1,18}")


class SearchArguments(serializers.Serializer[object]):
    """The parameters of a search.

    `q`: words that a message must all have; the last one may be incomplete. `conversation`: search
    only this one. `before`: continue from the `before` of the last answer.
    """

    q = serializers.CharField(max_length=MAX_QUERY_LENGTH)
    conversation = serializers.IntegerField(min_value=1, max_value=2**63 - 1, required=False)
    before = serializers.RegexField(_BEFORE, required=False)
    count = serializers.IntegerField(min_value=1, max_value=50, default=20)


class _Piece(serializers.Serializer[object]):
    """A piece of a found message's text; `hit` says whether it matches the search."""

    text = serializers.CharField()
    hit = serializers.BooleanField()


class _Hit(serializers.Serializer[object]):
    """A found message, in the form of a log entry, with a part of its text (`snippet`)."""

    cmd = serializers.CharField()
    data = serializers.DictField()  # type: ignore[assignment]  # the field hides a property of the serializer
    snippet = _Piece(many=True)


class SearchAnswer(serializers.Serializer[object]):
    """A page of search results; `before` is null when there is nothing more."""

    success = serializers.IntegerField()
    found = _Hit(many=True)
    before = serializers.CharField(allow_null=True)


class SearchLimit(Limit):
    """The limit of one person's searches, since a search costs the database some milliseconds."""

    name, most, seconds = "search", 60, 60


class Search(Call):
    """The view searches the caller's own conversations."""

    throttle_classes = (SearchLimit,)

    @extend_schema(parameters=[SearchArguments], responses=SearchAnswer)
    def get(self, request: Request) -> Response:
        """Return matching messages, newest first, with a snippet around the first match."""
        arguments = self.arguments(SearchArguments)
        query = parse_query(arguments["q"])
        before = arguments.get("before")
        start = SearchPosition(*map(int, before.split("."))) if before else None
        database, conversation = self.store.database, arguments.get("conversation")
        visible_ranges = queries.visible_ranges(database, self.me.id)
        searched_ranges = {
            number: visible
            for number, visible in visible_ranges.items()
            if conversation in (None, number)
        }
        search_request = SearchRequest(self.me.id, query, searched_ranges)
        page = search.find_messages(database, search_request, start, arguments["count"], self.now)
        return ack(
            found=[_result_data(entry, query.terms) for entry in page.entries],
            before=f"{page.before.place}.{page.before.conversation}" if page.before else None,
        )


def _result_data(entry: StoredEntry, terms: tuple[str, ...]) -> Data:
    """Return a found message with a snippet, in which the matching parts are marked."""
    pieces = [{"text": text, "hit": hit} for text, hit in snippet(entry.body, terms)]
    return {**to_wire(entry), "snippet": pieces}
