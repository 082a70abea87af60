"""Define the views of a conversation's messages: read, delete, mark as read, see who has read them."""

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
from im.flows import heartbeat, own_view
from im.models import Member
from im.rules import conversation_decisions
from im.rules.conversation_decisions import DenyReason
from im.rules.messages import Data, wire_time
from im.rules.vocabulary import READ_SHOWN_UP_TO


class Log(Call):
    """Define the base of views on a conversation's log, the numbered list of its messages and events."""

    def own_membership(self, number: int) -> Member:
        """Return the caller's row of the conversation's table of members. Raises Denied."""
        member = queries.member(self.store.database, number, self.me.id)
        if member is None or member.state in queries.WAITING:
            raise Denied(DenyReason.NOT_FOUND)
        return member

    def readers(self, own_membership: Member, seq: int) -> list[Data] | None:
        """Return the people who have read up to entry `seq`: `[{"user_id", "seq"}]`.

        `None` means that the conversation has more than READ_SHOWN_UP_TO members.
        """
        if own_membership.conversation.members > READ_SHOWN_UP_TO:
            return None
        rows = queries.readers(self.store.database, own_membership.conversation_id, seq)
        return [{"user_id": user, "seq": read} for user, read in rows]


class Messages(Log):
    """Define the view of a conversation's log, page by page."""

    @extend_schema(parameters=[request_forms.History], responses=answers(serializers.Entries))
    def get(self, request: Request, number: int) -> Response:
        """Return entries of the log: those after `after`, before `before`, or the latest, ordered by seq."""
        arguments, visible = (
            self.arguments(request_forms.History),
            queries.visible_range_of(self.own_membership(number)),
        )
        count = arguments["count"]
        if "after" in arguments:
            above, upto = visible.after(arguments["after"], count)
        else:
            above, upto = visible.before(arguments.get("before", visible.top + 1), count)
        ranges = [(number, above, upto)] if above < upto else []
        entries = queries.entries(self.store.database, self.me.id, ranges)
        return ack(
            entries=[serializers.entry(entry) for entry in entries],
            from_seq=above,
            to_seq=upto,
            first_seq=visible.floor,
            last_seq=visible.top,
        )

    @extend_schema(
        operation_id="v1_im_conversations_messages_clear",
        request=None,
        responses=answers(serializers.Cleared),
    )
    def delete(self, request: Request, number: int) -> Response:
        """Delete all messages written up to now, for the caller alone."""
        return ack(from_seq=own_view.hide_all_messages(self.store, number, self.me.id, self.now))


class Message(Call):
    """Define the view of one message."""

    @extend_schema(request=None, responses=answers(serializers.Done))
    def delete(self, request: Request, number: int, seq: int) -> Response:
        """Delete a message, for the caller alone."""
        own_view.hide_message(self.store, number, self.me.id, seq, self.now)
        return ack()


class Read(Log):
    """Define the view with which the caller marks messages as read."""

    @extend_schema(request=request_forms.ReadTo, responses=answers(serializers.Done))
    def put(self, request: Request, number: int) -> Response:
        """Mark all messages up to an entry of the log as read."""
        own_view.mark_read(
            self.store, number, self.me.id, self.arguments(request_forms.ReadTo)["seq"], self.now
        )
        return ack()


class Readers(Log):
    """The view lists who has read a message."""

    @extend_schema(parameters=[request_forms.ReadTo], responses=answers(serializers.Readers))
    def get(self, request: Request, number: int) -> Response:
        """Return who has read up to an entry of the log, in groups of at most 500 members.

        Raises Denied for larger ones.
        """
        readers = self.readers(
            self.own_membership(number), self.arguments(request_forms.ReadTo)["seq"]
        )
        if readers is None:
            raise Denied(DenyReason.NOT_ALLOWED, f"not in groups of more than {READ_SHOWN_UP_TO}")
        return ack(readers=readers)


class Trace(Log):
    """Define the view with which a sender asks what became of a message."""

    @extend_schema(parameters=[request_forms.Sent], responses=answers(serializers.Trace))
    def get(self, request: Request, number: int) -> Response:
        """Return whether a message was accepted, its seq in the log, and who has read it.

        The message is named by its client_msg_id, and only its sender can ask.
        """
        own_membership, client_msg_id = (
            self.own_membership(number),
            self.arguments(request_forms.Sent)["client_msg_id"],
        )
        entry = queries.entry_sent_as(self.store.database, number, self.me.id, client_msg_id)
        if entry is None:
            return ack(accepted=False)
        return ack(
            accepted=True,
            msg_id=entry.msg_id,
            seq=entry.seq,
            sent_at=wire_time(entry.sent_at),
            recalled=entry.recalled_seq is not None,
            readers=self.readers(own_membership, entry.seq),
        )


class Offline(Call):
    """The view returns what a device has missed in all conversations."""

    @extend_schema(request=request_forms.Missing, responses=answers(serializers.Offline))
    def post(self, request: Request) -> Response:
        """Return up to `count` entries, of all conversations, that the client's device does not have yet.

        The client calls again while `more` is true. `seqs` names the last entry that it has of each conversation,
        completed by what its `device` has reported with its last heartbeat.
        """
        arguments = self.arguments(request_forms.Missing)
        database, seqs = self.store.database, arguments["seqs"]
        if "device" in arguments:
            seqs = heartbeat.seqs_of(self.me.id, arguments["device"], seqs)
        visible_ranges = queries.visible_ranges(database, self.me.id)
        limits = (seqs, arguments["count"], arguments.get("latest"))
        ranges, more = conversation_decisions.missing_ranges(visible_ranges, *limits)
        entries = queries.entries(database, self.me.id, ranges)
        entries_by_conversation = {
            number: [serializers.entry(item) for item in group]
            for number, group in groupby(entries, lambda item: item[0].conversation)
        }
        return ack(
            conversations=[
                {
                    "conversation_id": str(number),
                    "from_seq": above,
                    "to_seq": upto,
                    "last_seq": visible_ranges[number].top,
                    "entries": entries_by_conversation[number],
                }
                for number, above, upto in ranges
            ],
            more=more,
        )
