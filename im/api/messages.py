"""`…/messages`, `…/read`, `…/readers`, `…/trace`, `offline`: what was said, and who has read it."""

from __future__ import annotations

from itertools import groupby

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from foundation.web.errors import ack
from im.api import request_forms, serializers
from im.api.base import Call
from im.api.serializers import answers
from im.data import queries
from im.data.locked_conversation import Denied
from im.flows import own_view as own
from im.models import Member
from im.rules import conversation_decisions
from im.rules.conversation_decisions import DenyReason
from im.rules.messages import Data, wire_time
from im.rules.vocabulary import READ_SHOWN_UP_TO


class Log(Call):
    """A log that the caller sees."""

    def mine(self, number: int) -> Member:
        """How the caller stands to it. Raises Denied."""
        found = queries.member(self.place.database, number, self.me.id)
        if found is None or found.state in queries.WAITING:
            raise Denied(DenyReason.NOT_FOUND)
        return found

    def readers(self, mine: Member, seq: int) -> list[Data] | None:
        """Who has read up to there; None: the group is too large for that."""
        if mine.conversation.members > READ_SHOWN_UP_TO:
            return None
        found = queries.readers(self.place.database, mine.conversation_id, seq)
        return [{"user_id": user, "seq": read} for user, read in found]


class Messages(Log):
    """The log, page by page."""

    @extend_schema(parameters=[request_forms.History], responses=answers(serializers.Entries))
    def get(self, request: Request, number: int) -> Response:
        """Upwards from `after`, downwards from `before`; neither: the latest. Always in order of seq."""
        given, seen = self.given(request_forms.History), queries.visible_range_of(self.mine(number))
        count = given["count"]
        if "after" in given:
            above, upto = seen.after(given["after"], count)
        else:
            above, upto = seen.before(given.get("before", seen.top + 1), count)
        ranges = [(number, above, upto)] if above < upto else []
        found = queries.entries(self.place.database, self.me.id, ranges)
        return ack(
            entries=[serializers.entry(one) for one in found],
            from_seq=above,
            to_seq=upto,
            first_seq=seen.floor,
            last_seq=seen.top,
        )

    @extend_schema(request=None, responses=answers(serializers.Cleared))
    def delete(self, request: Request, number: int) -> Response:
        """Delete everything up to now, for oneself."""
        return ack(from_seq=own.clear(self.place, number, self.me.id, self.now))


class Message(Call):
    """One message."""

    @extend_schema(request=None, responses=answers(serializers.Done))
    def delete(self, request: Request, number: int, seq: int) -> Response:
        """Delete it, for oneself."""
        own.hide(self.place, number, self.me.id, seq, self.now)
        return ack()


class Read(Log):
    """The read mark."""

    @extend_schema(request=request_forms.ReadTo, responses=answers(serializers.Done))
    def put(self, request: Request, number: int) -> Response:
        """Everything up to there is read."""
        own.read(self.place, number, self.me.id, self.given(request_forms.ReadTo)["seq"], self.now)
        return ack()


class Readers(Log):
    """Who has read."""

    @extend_schema(parameters=[request_forms.ReadTo], responses=answers(serializers.Readers))
    def get(self, request: Request, number: int) -> Response:
        """Who has read up to an entry; in groups of at most 500."""
        found = self.readers(self.mine(number), self.given(request_forms.ReadTo)["seq"])
        if found is None:
            raise Denied(DenyReason.NOT_ALLOWED, f"not in groups of more than {READ_SHOWN_UP_TO}")
        return ack(readers=found)


class Trace(Log):
    """Where is my message."""

    @extend_schema(parameters=[request_forms.Sent], responses=answers(serializers.Trace))
    def get(self, request: Request, number: int) -> Response:
        """By the sender's own id, the sender alone: accepted or not, its place, who has read it."""
        mine, mark = self.mine(number), self.given(request_forms.Sent)["client_msg_id"]
        found = queries.entry_sent_as(self.place.database, number, self.me.id, mark)
        if found is None:
            return ack(accepted=False)
        return ack(
            accepted=True,
            msg_id=found.msg_id,
            seq=found.seq,
            sent_at=wire_time(found.sent_at),
            recalled=found.recalled_seq is not None,
            readers=self.readers(mine, found.seq),
        )


class Offline(Call):
    """What a device has missed."""

    @extend_schema(request=request_forms.Missing, responses=answers(serializers.Offline))
    def post(self, request: Request) -> Response:
        """Of all conversations together, up to `count` entries; again until nothing is `more`."""
        given = self.given(request_forms.Missing)
        database = self.place.database
        sights = queries.visible_ranges(database, self.me.id)
        wanted = (given["seqs"], given["count"], given.get("latest"))
        ranges, more = conversation_decisions.missing_ranges(sights, *wanted)
        found = queries.entries(database, self.me.id, ranges)
        parts = {
            number: [serializers.entry(one) for one in some]
            for number, some in groupby(found, lambda one: one[0].conversation)
        }
        return ack(
            conversations=[
                {
                    "conversation_id": str(number),
                    "from_seq": above,
                    "to_seq": upto,
                    "last_seq": sights[number].top,
                    "entries": parts[number],
                }
                for number, above, upto in ranges
            ],
            more=more,
        )
