"""The forms that check the arguments of calls about calls, and describe their answers in the API's documentation."""

from __future__ import annotations

import orjson
from rest_framework import serializers

from im.api.serializers import Done, PersonShape
from im.rules.topology import USER
from social.rules.calls import CallEnd, CallState

_Form = serializers.Serializer[object]
SIGNAL_BYTES = 16 * 1024
"""A session description with all its candidates is smaller."""
MAX_PAGE = 100
"""A page of a list holds at most this many calls."""
MAX_ADDED = 7
"""At most this many people are added at once: a call's conference has 8 places."""


def _device_field() -> serializers.RegexField:
    """Return the field for the name of the device that makes a request."""
    return serializers.RegexField(
        r"^[A-Za-z0-9._-]{1,64}$", help_text="The caller's own name of the device that asks."
    )


class NewCall(_Form):
    """The arguments that start a call: the person to call, and the device from which the caller calls."""

    user = serializers.RegexField(USER, max_length=40)
    device = _device_field()


class Device(_Form):
    """The argument of the call that answers: the device with which the person answers."""

    device = _device_field()


class CallPage(_Form):
    """The calls to list: those with ids below `before`, the newest first; or all that have not ended (`live`)."""

    before = serializers.IntegerField(min_value=1, max_value=2**63 - 1, default=2**63 - 1)
    count = serializers.IntegerField(min_value=1, max_value=MAX_PAGE, default=50)
    missed = serializers.BooleanField(default=False)
    live = serializers.BooleanField(default=False)


class Signal(_Form):
    """A signalling message for the other person's browser (WebRTC): a session description or an ICE candidate."""

    device = _device_field()
    data = serializers.DictField()  # type: ignore[assignment]  # the field hides a property of the serializer

    def validate_data(self, value: dict[str, object]) -> dict[str, object]:
        """Return the message of a signal. Raises ValidationError if it has more than SIGNAL_BYTES."""
        if len(orjson.dumps(value)) > SIGNAL_BYTES:
            raise serializers.ValidationError(f"at most {SIGNAL_BYTES} bytes are accepted")
        return value


class AddPeople(_Form):
    """The people to add to a running call, and the device of the person who adds them."""

    device = _device_field()
    users = serializers.ListField(
        child=serializers.RegexField(USER, max_length=40), min_length=1, max_length=MAX_ADDED
    )


# ---- answers --------------------------------------------------------------------------------------


class CallShape(_Form):
    """The description of a call. Of two descriptions the one with the higher `version` is the later."""

    call_id = serializers.CharField()
    session_id = serializers.CharField(help_text="Calls of one session share a conference.")
    conversation_id = serializers.CharField(allow_null=True)
    state = serializers.ChoiceField([state.value for state in CallState])
    reason = serializers.ChoiceField([reason.value for reason in CallEnd], allow_null=True)
    version = serializers.IntegerField()
    caller = PersonShape()
    caller_device = serializers.CharField()
    callee = PersonShape()
    answered_by = serializers.CharField(allow_null=True, help_text="The device that has answered.")
    ended_by = serializers.CharField(allow_null=True)
    created_at = serializers.DateTimeField()
    ring_until = serializers.DateTimeField()
    answered_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)
    seconds = serializers.IntegerField(help_text="For how long the two could talk.")
    missed = serializers.BooleanField(help_text="The called person has missed it.")
    has_media = serializers.BooleanField(help_text="A conference carries it.")
    voicemail_seq = serializers.IntegerField(allow_null=True)


class OneCall(Done):
    """The answer with one call."""

    call = CallShape()


class CallList(Done):
    """A page of the caller's calls; `next` is the `before` of the next page, null at the end."""

    calls = CallShape(many=True)
    next = serializers.CharField(allow_null=True)


class MediaShape(_Form):
    """The conference that carries the media of a call, and how to enter it.

    `state` is the conference's state; "starting" means that there is none yet. `join` is null while no media unit runs
    it. `where` lists addresses, one for each site, that tell which media unit runs it now; those with `/join/` take
    `password` by POST.
    """

    state = serializers.CharField()
    join = serializers.JSONField(allow_null=True)
    where = serializers.ListField(child=serializers.CharField())
    password = serializers.CharField()
    e164 = serializers.CharField()


class CallWithMedia(OneCall):
    """A call, and how to enter the conference that carries it."""

    media = MediaShape()


class IceServer(_Form):
    """A STUN or TURN server in the form of the browsers' `RTCIceServer`, with a credential for TURN."""

    urls = serializers.ListField(child=serializers.CharField())
    username = serializers.CharField()
    credential = serializers.CharField()


class IceServers(Done):
    """The STUN and TURN servers for a direct connection; their credential is valid for `seconds`."""

    ice_servers = IceServer(many=True)
    seconds = serializers.IntegerField()


class AddedCalls(Done):
    """The calls that ring now for the people who were added."""

    calls = CallShape(many=True)
