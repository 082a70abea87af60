"""The serializers describe the calls for templates and virtual rooms, for the OpenAPI description only."""

from __future__ import annotations

from rest_framework import serializers

from conferences.api.serializers import InvitedMember, Recorder, SettingsParams, VideoFormat
from foundation.web.serializers import Accepted

_Shape = serializers.Serializer[object]


# ---- requests ------------------------------------------------------------------------------------


class TemplateParams(SettingsParams):
    """The arguments of a new template, or the changes of one; a change leaves omitted fields as they are."""

    bind_e164 = serializers.ChoiceField(
        [0, 1], required=False, help_text="1: a number is kept for it (personal templates only)."
    )


class AccountRef(_Shape):
    """An account, named by its MOID or by one of its sign-in names."""

    account = serializers.CharField(max_length=254)
    name = serializers.CharField(required=False, allow_blank=True)
    account_type = serializers.IntegerField(required=False)


class RoomParams(_Shape):
    """The arguments of a new virtual room, or the changes of one; a change leaves omitted fields as they are."""

    name = serializers.CharField(max_length=64, help_text="At most 64 bytes.")
    e164 = serializers.CharField(
        required=False,
        max_length=16,
        help_text="Only for a new room. Without it, any free number.",
    )
    max_join_mt = serializers.ChoiceField([8, 32, 64, 192], required=False, default=8)
    video_formats = VideoFormat(many=True, required=False)
    bitrate = serializers.IntegerField(required=False)
    password = serializers.CharField(required=False, max_length=16)
    duration = serializers.IntegerField(
        required=False, default=0, help_text="Minutes of a conference in it; 0: no end."
    )
    auto_end = serializers.ChoiceField(
        [0, 1], required=False, default=1, help_text="1: ends 5 minutes after everybody has left."
    )
    mute = serializers.ChoiceField([0, 1], required=False)
    silence = serializers.ChoiceField([0, 1], required=False)
    recorder = Recorder(required=False)
    exclusive = serializers.ChoiceField(
        [0, 1],
        required=False,
        help_text="1: only its owner and `exclusive_users` begin and enter its conferences.",
    )
    exclusive_users = AccountRef(many=True, required=False)


# ---- answers -------------------------------------------------------------------------------------


class TemplateId(Accepted):
    """The answer that a template was created or changed: its id."""

    template_id = serializers.CharField()
    description = serializers.CharField(allow_blank=True)


class RoomId(Accepted):
    """The answer that a virtual room is created or changed."""

    id = serializers.CharField()
    e164 = serializers.CharField()
    join_url = serializers.CharField(allow_blank=True)
    description = serializers.CharField(allow_blank=True)


class Deleted(Accepted):
    """The answer that a template or virtual room is deleted."""

    description = serializers.CharField(allow_blank=True)


class _Common(_Shape):
    """The fields of all answers about templates and virtual rooms."""

    name = serializers.CharField()
    bitrate = serializers.IntegerField()
    mute = serializers.ChoiceField([0, 1])
    silence = serializers.ChoiceField([0, 1])
    max_join_mt = serializers.IntegerField()
    resolution = serializers.IntegerField(help_text="13: 1080p, 12: 720p.")
    e164 = serializers.CharField(allow_blank=True, help_text="The number that is kept for it.")
    encrypted_key = serializers.CharField(allow_blank=True)


class TemplateItem(_Common):
    """A template in a list. Fields of functions that our media units do not have are constant."""

    template_id = serializers.CharField()


class PersonalTemplates(Accepted):
    """A page of the caller's templates, and the number of all."""

    total = serializers.IntegerField()
    personal_templates = TemplateItem(many=True)


class PublicTemplates(Accepted):
    """A page of the public templates of the caller's domain, and the number of all."""

    total = serializers.IntegerField()
    public_templates = TemplateItem(many=True)


class TemplatePart(Accepted):
    """One part of a template; its fields depend on the part that was requested."""

    template_id = serializers.CharField()
    total = serializers.IntegerField(required=False)
    invite_members = InvitedMember(many=True, required=False)


class TemplateDetail(Accepted):
    """A template with all its fields: those of a request, and the number that is kept for it."""

    template_id = serializers.CharField()
    name = serializers.CharField()
    e164 = serializers.CharField(allow_blank=True)
    bind_e164 = serializers.ChoiceField([0, 1])
    duration = serializers.IntegerField(help_text="Minutes; 0: no end.")
    bitrate = serializers.IntegerField()
    max_join_mt = serializers.IntegerField()
    auto_end = serializers.ChoiceField([0, 1])
    mute = serializers.ChoiceField([0, 1])
    silence = serializers.ChoiceField([0, 1])
    password = serializers.CharField(allow_blank=True)
    invite_members = InvitedMember(many=True)
    invite_num = serializers.IntegerField()


class RoomItem(_Common):
    """A virtual room in a list."""

    id = serializers.CharField()
    exclusive = serializers.ChoiceField([0, 1])
    exclusive_users = AccountRef(many=True)
    conf_name = serializers.CharField(allow_blank=True, help_text="Empty: it is idle.")
    status = serializers.ChoiceField([0, 1], help_text="0: idle, 1: in use.")
    join_url = serializers.CharField(
        allow_blank=True, help_text="The page on which people enter. Empty: not for the caller."
    )


class VirtualRooms(Accepted):
    """A page of the virtual rooms of the caller's domain, and the number of all."""

    total = serializers.IntegerField()
    virtual_meeting_rooms = RoomItem(many=True)


class RoomDetail(RoomItem, Accepted):
    """A virtual room with all its fields."""

    duration = serializers.IntegerField(help_text="Minutes; 0: no end.")
    auto_end = serializers.ChoiceField([0, 1])
    password = serializers.CharField(allow_blank=True)
