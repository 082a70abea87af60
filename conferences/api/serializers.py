"""The serializers describe requests and answers of the conference calls for the OpenAPI description only.

`request_parsing` reads the requests, more leniently, and `representations` builds the answers. A test compares the
answers with these shapes.
"""

from __future__ import annotations

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from conferences.rules.states import ConferenceState
from foundation.web.serializers import Accepted

_Shape = serializers.Serializer[object]


# ---- requests ------------------------------------------------------------------------------------


class VideoFormat(_Shape):
    """A video format; the first entry with a `format` is used."""

    format = serializers.IntegerField(required=False, help_text="6: H.265, anything else: H.264.")
    resolution = serializers.IntegerField(required=False, help_text="13 or 16: 1080p, else 720p.")
    bitrate = serializers.IntegerField(required=False, help_text="Kilobits per second.")


class Recorder(_Shape):
    """The choice whether the conference is recorded."""

    recorder_mode = serializers.IntegerField(
        required=False, help_text="1 or 3: the conference is recorded."
    )


class InvitedMember(_Shape):
    """An account or address to call into the conference."""

    account = serializers.CharField(max_length=128)
    name = serializers.CharField(required=False)
    account_type = serializers.IntegerField(
        required=False, help_text="1: an account, 4: SIP, 5 and 6: a number; else H.323 or SIP."
    )
    protocol = serializers.ChoiceField([0, 1], required=False, help_text="0: H.323, 1: SIP.")


class SettingsParams(_Shape):
    """The settings of a conference, of a template too; whole numbers may be strings of digits."""

    name = serializers.CharField(max_length=64, help_text="At most 64 bytes.")
    password = serializers.CharField(required=False, max_length=16)
    duration = serializers.IntegerField(
        required=False, default=240, help_text="Minutes; 0: no end."
    )
    bitrate = serializers.IntegerField(required=False, default=1024)
    max_join_mt = serializers.ChoiceField([8, 32, 64, 192], required=False, default=8)
    auto_end = serializers.ChoiceField([0, 1], required=False, default=0)
    mute = serializers.ChoiceField([0, 1], required=False, default=0)
    silence = serializers.ChoiceField([0, 1], required=False, default=0)
    video_formats = VideoFormat(many=True, required=False)
    recorder = Recorder(required=False)
    invite_members = InvitedMember(many=True, required=False)


class ConfParams(SettingsParams):
    """The arguments of the call that creates a conference."""

    create_type = serializers.IntegerField(
        required=False,
        min_value=1,
        max_value=5,
        help_text="2: from a public template, 3: a personal one, 4: in a virtual room,"
        " 5: a booked conference, early. Default: 1.",
    )
    template_id = serializers.CharField(
        required=False,
        help_text="Needed with 2 to 5; with 2 to 4 other arguments hold in place of what it says.",
    )
    platform_id = serializers.CharField(required=False)


class InvitedMembers(_Shape):
    """The arguments of the call that calls terminals."""

    mts = InvitedMember(many=True)


class TerminalId(_Shape):
    """A terminal, named by its id in the conference."""

    mt_id = serializers.CharField()


class TerminalIds(_Shape):
    """The arguments of calls that name terminals of a conference."""

    mts = TerminalId(many=True)


# ---- answers -------------------------------------------------------------------------------------


@extend_schema_field({"oneOf": [{"type": "string"}, {"type": "integer"}]})
class TextOrNumber(serializers.CharField):
    """A string, or a whole number, as the media unit gives it."""


class WebRtc(_Shape):
    """The Janus rooms of a conference on its unit, and the keys with which a browser enters them."""

    url = serializers.CharField(required=False)
    audioroom = TextOrNumber(required=False, allow_blank=True)
    videoroom = TextOrNumber(required=False, allow_blank=True)
    textroom = TextOrNumber(required=False, allow_blank=True)
    pin = TextOrNumber(required=False, allow_blank=True)
    token = serializers.CharField(required=False)


class Join(_Shape):
    """The ways to enter a conference, by kind; a media unit may name others."""

    webrtc = WebRtc(required=False)


class VersionNow(Accepted):
    """The answer that names the version of the platform, and the level of its API."""

    version = serializers.CharField()
    api_level = serializers.IntegerField(min_value=1)


class Created(Accepted):
    """The answer about a conference that was requested; if it does not run within 4 s, it starts a little later."""

    conf_id = serializers.CharField()
    meeting_id = serializers.CharField()
    description = serializers.CharField()
    join = Join(allow_null=True)
    join_url = serializers.CharField()


class Ended(Accepted):
    """The answer that a conference was ended."""

    description = serializers.CharField(allow_blank=True)


class Creator(_Shape):
    """The account that requested a conference."""

    name = serializers.CharField(allow_blank=True)
    account = serializers.CharField(allow_blank=True)
    account_type = serializers.IntegerField()
    telephone = serializers.CharField(allow_blank=True)
    mobile = serializers.CharField(allow_blank=True)


class ConfItem(_Shape):
    """A conference in a list. Fields of functions that our media units do not have say so by a fixed value."""

    meeting_room_name = serializers.CharField(allow_blank=True)
    conf_level = serializers.IntegerField()
    conf_type = serializers.IntegerField()
    closed_conf = serializers.IntegerField()
    safe_conf = serializers.IntegerField()
    encrypted_type = serializers.IntegerField()
    encrypted_frequence = serializers.IntegerField()
    encrypted_auth = serializers.IntegerField()
    encrypted_key = serializers.CharField(allow_blank=True)
    mute_filter = serializers.IntegerField()
    preoccupy_resource = serializers.IntegerField()
    preoccpuy_resource = serializers.IntegerField()
    video_quality = serializers.IntegerField()
    dual_mode = serializers.IntegerField()
    public_conf = serializers.IntegerField()
    force_broadcast = serializers.IntegerField()
    fec_mode = serializers.IntegerField()
    one_reforming = serializers.IntegerField()
    doubleflow = serializers.IntegerField()
    voice_activity_detection = serializers.IntegerField()
    vacinterval = serializers.IntegerField()
    superior_cascade = serializers.IntegerField()
    subordinate_cascade = serializers.IntegerField()
    name = serializers.CharField()
    conf_id = serializers.CharField(help_text="The number of the conference.")
    meeting_id = serializers.CharField()
    user_domain_moid = serializers.CharField()
    user_domain_name = serializers.CharField(allow_blank=True)
    platform_id = serializers.CharField()
    start_time = serializers.CharField(allow_blank=True, help_text="ISO 8601, in UTC.")
    end_time = serializers.CharField(
        allow_blank=True, help_text="Empty: the conference has no end."
    )
    duration = serializers.IntegerField(help_text="Minutes.")
    bitrate = serializers.IntegerField()
    mute = serializers.ChoiceField([0, 1])
    silence = serializers.ChoiceField([0, 1])
    auto_end = serializers.ChoiceField([0, 1])
    max_join_mt = serializers.IntegerField()
    need_password = serializers.ChoiceField([0, 1])
    state = serializers.ChoiceField([state.value for state in ConferenceState])
    creator = Creator()


class ConfList(Accepted):
    """A page of a tenant's live conferences, and the number of all."""

    total = serializers.IntegerField()
    confs = ConfItem(many=True)
    next_cursor = serializers.CharField(
        required=False, allow_blank=True, help_text="With a cursor only. Empty: the last page."
    )


class VideoFormatNow(_Shape):
    """The video format in which a conference runs."""

    format = serializers.IntegerField()
    resolution = serializers.IntegerField()
    frame = serializers.IntegerField()
    bitrate = serializers.IntegerField()


class ConfDetail(ConfItem, Accepted):
    """A conference with all its fields."""

    call_times = serializers.IntegerField()
    call_interval = serializers.IntegerField()
    call_mode = serializers.IntegerField()
    cascade_mode = serializers.IntegerField()
    cascade_upload = serializers.IntegerField()
    cascade_return = serializers.IntegerField()
    cascade_return_para = serializers.IntegerField()
    vmp_enable = serializers.IntegerField()
    mix_enable = serializers.IntegerField()
    poll_enable = serializers.IntegerField()
    video_formats = VideoFormatNow(many=True)
    join = Join(allow_null=True)
    restores = serializers.IntegerField()


class MtItem(_Shape):
    """A terminal of a conference; strings are never null."""

    alias = serializers.CharField(allow_blank=True)
    mt_id = serializers.CharField(allow_blank=True)
    ip = serializers.CharField(allow_blank=True)
    online = serializers.ChoiceField([0, 1])
    e164 = serializers.CharField(allow_blank=True)
    type = serializers.IntegerField()
    bitrate = serializers.IntegerField()
    silence = serializers.ChoiceField([0, 1])
    mute = serializers.ChoiceField([0, 1])
    dual = serializers.IntegerField()
    mix = serializers.IntegerField()
    vmp = serializers.IntegerField()
    inspection = serializers.IntegerField()
    rec = serializers.IntegerField()
    poll = serializers.IntegerField()
    upload = serializers.IntegerField()
    protocol = serializers.ChoiceField([0, 1])
    call_mode = serializers.IntegerField()
    account = serializers.CharField(allow_blank=True)
    account_type = serializers.IntegerField()


class MtList(Accepted):
    """The answer that lists the terminals that are invited or present."""

    mts = MtItem(many=True)


class CalledTerminal(_Shape):
    """A terminal that is being called."""

    account = serializers.CharField(allow_blank=True)
    account_type = serializers.IntegerField()
    protocol = serializers.ChoiceField([0, 1])
    mt_id = serializers.CharField(allow_blank=True)


class CalledTerminals(Accepted):
    """The answer that lists the terminals that are being called, with their ids from the media unit."""

    mts = CalledTerminal(many=True)
