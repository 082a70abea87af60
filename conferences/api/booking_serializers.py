"""The serializers describe requests and answers of the booking calls for the OpenAPI description only."""

from __future__ import annotations

from rest_framework import serializers

from conferences.api.serializers import Creator, SettingsParams, VideoFormatNow
from foundation.web.serializers import Accepted

_Shape = serializers.Serializer[object]


class GuestItem(_Shape):
    """A guest, who gets invitations, updates and cancellations by e-mail."""

    email = serializers.CharField(help_text="An address such as `guest@example.org`.")
    name = serializers.CharField(required=False)
    language = serializers.CharField(
        required=False, help_text="Of the mails, such as `zh-hans`; else that of this request."
    )


class BookingParams(SettingsParams):
    """The arguments of a new reservation: conference, start, and repetition."""

    conf_id = serializers.CharField(
        required=False, help_text="The requested number; else any free number."
    )
    start_time = serializers.CharField(help_text="ISO 8601 with an offset.")
    timezone = serializers.CharField(
        required=False,
        default="UTC",
        help_text="The zone in which the rule counts, such as Europe/Berlin.",
    )
    repeat = serializers.CharField(
        required=False, help_text="An RRULE of RFC 5545: daily, weekly, monthly or yearly."
    )
    guests = GuestItem(
        many=True,
        required=False,
        help_text="Whom to invite by e-mail, at most 100, besides the accounts of"
        " `invite_members` that have an address. A change that omits it keeps them.",
    )


class BookingChanges(BookingParams):
    """The changes of a reservation; omitted fields stay as they are."""

    start_time = serializers.CharField(required=False, help_text="ISO 8601 with an offset.")
    occurrence = serializers.CharField(
        required=False,
        help_text="The start by the rule of the one occurrence to change; else all change.",
    )


class Booked(Accepted):
    """The answer that a conference is booked, or its reservation changed."""

    conf_id = serializers.CharField(help_text="The number, which is kept for the conference.")
    meeting_id = serializers.CharField(help_text="The id of the reservation.")
    description = serializers.CharField(allow_blank=True)


class BookedItem(_Shape):
    """One occurrence of a reservation. Fields of functions that our media units do not have are constant."""

    conf_type = serializers.IntegerField()
    closed_conf = serializers.IntegerField()
    safe_conf = serializers.IntegerField()
    encrypted_type = serializers.IntegerField()
    encrypted_auth = serializers.IntegerField()
    encrypted_key = serializers.CharField(allow_blank=True)
    video_quality = serializers.IntegerField()
    one_reforming = serializers.IntegerField()
    dual_mode = serializers.IntegerField()
    voice_activity_detection = serializers.IntegerField()
    public_conf = serializers.IntegerField()
    name = serializers.CharField()
    conf_id = serializers.CharField(help_text="The number of the conference.")
    meeting_id = serializers.CharField(help_text="The id of the reservation.")
    start_time = serializers.CharField(help_text="ISO 8601, in UTC.")
    end_time = serializers.CharField()
    occurrence = serializers.CharField(help_text="The start of this occurrence by the rule.")
    timezone = serializers.CharField()
    repeat = serializers.CharField(allow_blank=True)
    duration = serializers.IntegerField(help_text="Minutes.")
    bitrate = serializers.IntegerField()
    password = serializers.CharField(
        allow_blank=True, help_text="Only for the creator and for administrators."
    )
    need_password = serializers.ChoiceField([0, 1])
    mute = serializers.ChoiceField([0, 1])
    silence = serializers.ChoiceField([0, 1])
    invited_mt_num = serializers.IntegerField()
    max_join_mt = serializers.IntegerField()
    guest_num = serializers.IntegerField(help_text="How many guests are invited by e-mail.")
    creator = Creator()


class BookedList(Accepted):
    """A page of the occurrences that are booked in a user domain, and the number of all."""

    total = serializers.IntegerField()
    booked_confs = BookedItem(many=True)


class BookedPerson(_Shape):
    """The chairman or speaker; empty if there is none."""

    name = serializers.CharField(allow_blank=True)
    account = serializers.CharField(allow_blank=True)
    account_type = serializers.IntegerField()


class RecorderNow(_Shape):
    """The choice whether the conference is recorded: 1, or 0."""

    recorder_mode = serializers.IntegerField()


class PlannedDate(_Shape):
    """One of the next occurrences."""

    occurrence = serializers.CharField()
    start_time = serializers.CharField()
    end_time = serializers.CharField()


class BookedDetail(BookedItem, Accepted):
    """All fields of a reservation, as its next occurrence will be held."""

    mute_filter = serializers.IntegerField()
    fec_mode = serializers.IntegerField()
    doubleflow = serializers.IntegerField()
    vacinterval = serializers.IntegerField()
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
    preoccupy_resource = serializers.IntegerField()
    auto_end = serializers.ChoiceField([0, 1])
    speaker = BookedPerson()
    chairman = BookedPerson()
    recorder = RecorderNow()
    video_formats = VideoFormatNow(many=True)
    dates = PlannedDate(many=True)
    guests = GuestItem(
        many=True, help_text="Only for the creator and for administrators; empty for others."
    )
