"""Define the views of voicemail: leaving one after a call, the mailbox, and the person's own greeting (CONV)."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponseBase
from django.urls import path
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from foundation.web.errors import ack
from im.api.files import SingleFormNegotiation, download, refusal_of
from im.api.serializers import Done, EntryShape, answers
from im.data.files.queries import own_upload
from im.data.locked_conversation import Denied
from im.rules.conversation_decisions import DenyReason
from im.rules.messages import Data, to_wire
from im.rules.tus_headers import TransferRefused
from social.api.call_shapes import MAX_PAGE, CallShape, OneCall
from social.api.calls import CallView
from social.data import voicemail_rows
from social.flows import calls as call_flow
from social.flows import voicemail as flow
from social.rules.call_messages import describe
from social.rules.calls import VOICEMAIL_AFTER

_Form = serializers.Serializer[object]


class VoiceRecording(_Form):
    """A complete upload of the caller, with sound."""

    file_id = serializers.UUIDField()


class VoicemailPage(_Form):
    """The voicemails to list: those of calls with ids below `before`, the newest first."""

    before = serializers.IntegerField(min_value=1, max_value=2**63 - 1, default=2**63 - 1)
    count = serializers.IntegerField(min_value=1, max_value=MAX_PAGE, default=50)


class VoicemailShape(_Form):
    """A voicemail: the call, the message in the conversation's log, and whether it was heard."""

    call = CallShape()
    message = EntryShape()
    heard = serializers.BooleanField()


class Mailbox(Done):
    """A page of the mailbox; `unheard` counts the whole of it, `next` is the `before` of the next page."""

    voicemails = VoicemailShape(many=True)
    unheard = serializers.IntegerField()
    next = serializers.CharField(allow_null=True)


class UnheardCount(Done):
    """The number of voicemails that were not heard yet."""

    unheard = serializers.IntegerField()


class Greeting(Done):
    """The file of the own greeting; null: there is none."""

    file_id = serializers.UUIDField(allow_null=True)


class Leave(CallView):
    """Define the view by which a caller leaves a voicemail."""

    @extend_schema(request=VoiceRecording, responses=answers(OneCall))
    def post(self, request: Request, number: int) -> Response:
        """Leave a recording (≥ 3 s) for who did not answer the call `number`; a second one changes nothing."""
        file_id = self.arguments(VoiceRecording)["file_id"]
        return ack(
            call=describe(flow.leave_voicemail(self.store, self.me, number, file_id, self.now))
        )


class CallGreeting(CallView):
    """Define the view of the greeting that a caller hears who got no answer."""

    content_negotiation_class = SingleFormNegotiation

    @extend_schema(responses={(200, "application/octet-stream"): OpenApiTypes.BINARY})
    def get(self, request: Request, number: int) -> HttpResponseBase:
        """Return the greeting of the called person for a caller who got no answer; 404 means that there is none."""
        call = call_flow.own_call(self.store, self.me, number)
        is_offered = call.caller.id == self.me.id and call.reason in VOICEMAIL_AFTER
        greeting = voicemail_rows.greeting_of(self.store.database, call.callee.id)
        upload = own_upload(call.callee.id, greeting) if is_offered and greeting else None
        if upload is None:
            raise Denied(DenyReason.NOT_FOUND, "there is no greeting for you")
        try:
            return download(request, upload[1], self.me.id)
        except TransferRefused as refused:
            return refusal_of(refused)


class Voicemails(CallView):
    """Define the view of the caller's mailbox."""

    @extend_schema(
        operation_id="social_voicemail_list", parameters=[VoicemailPage], responses=answers(Mailbox)
    )
    def get(self, request: Request) -> Response:
        """List the voicemails that were left for the caller, the newest first."""
        arguments, database = self.arguments(VoicemailPage), self.store.database
        rows = voicemail_rows.mailbox(database, self.me.id, arguments["before"], arguments["count"])
        is_full = len(rows) == arguments["count"]
        return ack(
            voicemails=[_voicemail_data(row) for row in rows],
            unheard=voicemail_rows.count_unheard(database, self.me.id),
            next=str(rows[-1].call.id) if is_full else None,
        )


def _voicemail_data(row: voicemail_rows.Voicemail) -> Data:
    """Return a voicemail in the form of the API, as `VoicemailShape` describes it."""
    return {
        "call": describe(row.call),
        "message": to_wire(row.entry),
        "heard": bool(row.call.heard_seq),
    }


class Unheard(CallView):
    """Define the view of the number of voicemails that the caller has not heard."""

    @extend_schema(responses=answers(UnheardCount))
    def get(self, request: Request) -> Response:
        """Return how many voicemails the caller has not heard yet."""
        return ack(unheard=voicemail_rows.count_unheard(self.store.database, self.me.id))


class OneVoicemail(CallView):
    """Define the view of one voicemail, by the id of its call."""

    @extend_schema(request=None, responses=answers(Done))
    def delete(self, request: Request, number: int) -> Response:
        """Delete a voicemail from the caller's mailbox and conversation."""
        flow.delete_voicemail(self.store, self.me, number, self.now)
        return ack()


class Heard(CallView):
    """Define the view by which a device says that a voicemail was heard."""

    @extend_schema(request=None, responses=answers(OneCall))
    def post(self, request: Request, number: int) -> Response:
        """Mark the voicemail of the call `number` as heard; the person who left it is notified."""
        return ack(call=describe(flow.mark_heard(self.store, self.me, number, self.now)))


class OwnGreeting(CallView):
    """Define the view of the greeting that the caller has chosen."""

    @extend_schema(operation_id="social_voicemail_greeting", responses=answers(Greeting))
    def get(self, request: Request) -> Response:
        """Return the recording that people hear before they leave the caller a voicemail."""
        return self._greeting_response(voicemail_rows.greeting_of(self.store.database, self.me.id))

    @extend_schema(request=VoiceRecording, responses=answers(Greeting))
    def put(self, request: Request) -> Response:
        """Choose an uploaded recording as the greeting that callers hear before they leave a voicemail."""
        file_id = self.arguments(VoiceRecording)["file_id"]
        flow.set_greeting(self.store, self.me, file_id, self.now)
        return self._greeting_response(file_id)

    @extend_schema(request=None, responses=answers(Greeting))
    def delete(self, request: Request) -> Response:
        """Remove the caller's greeting."""
        flow.set_greeting(self.store, self.me, None, self.now)
        return self._greeting_response(None)

    def _greeting_response(self, file_id: UUID | None) -> Response:
        """Return the response with the file of the caller's greeting."""
        return ack(file_id=str(file_id) if file_id else None)


urlpatterns = [
    path("calls/<int:number>/voicemail", Leave.as_view()),
    path("calls/<int:number>/greeting", CallGreeting.as_view()),
    path("voicemail", Voicemails.as_view()),
    path("voicemail/unheard", Unheard.as_view()),
    path("voicemail/greeting", OwnGreeting.as_view()),
    path("voicemail/<int:number>", OneVoicemail.as_view()),
    path("voicemail/<int:number>/heard", Heard.as_view()),
]
