"""The functions here build the objects of the open platform API for templates and virtual rooms. They are pure."""

from __future__ import annotations

from collections.abc import Sequence

from conferences.rules.stored import StoredConference
from wire.fields import InvitedTerminal, Settings

_FIXED: dict[str, object] = {
    "closed_conf": 0,
    "safe_conf": 0,
    "encrypted_type": 0,
    "encrypted_auth": 0,
    "encrypted_key": "",
    "conf_type": 1,
    "public_conf": 0,
    "video_quality": 0,
    "one_reforming": 0,
    "dual_mode": 1,
    "voice_activity_detection": 0,
    "vacinterval": 15,
}
"""The constant fields of functions that our media units do not have."""

_FIXED_IN_DETAIL: dict[str, object] = {
    "call_mode": 0,
    "call_times": 0,
    "call_interval": 20,
    "fec_mode": 0,
    "mute_filter": 0,
    "doubleflow": 0,
    "cascade_mode": 0,
    "cascade_upload": 0,
    "cascade_return": 0,
    "cascade_return_para": 0,
    "preoccupy_resource": 0,
    "preoccpuy_resource": 0,
}
_HD, _NO_HD = 13, 12
_ACCOUNT, _NUMBER = 1, 5
"""Values of `account_type`: the MOID (id) of an account, and a number (E.164)."""


def _common_settings(stored: StoredConference) -> dict[str, object]:
    """Return the settings of a template or virtual room that all answers contain."""
    settings = stored.settings
    for_all = settings.settings or Settings()
    return {
        "name": stored.name,
        "bitrate": settings.bitrate,
        "mute": int(bool(for_all.mute)),
        "silence": int(bool(for_all.silence)),
        "max_join_mt": settings.places,
    }


def template_item(stored: StoredConference) -> dict[str, object]:
    """Return a template as lists of the API show it."""
    return {
        **_FIXED,
        **_common_settings(stored),
        "template_id": stored.id,
        "resolution": _HD if stored.settings.resolution == "1080p" else _NO_HD,
        "e164": stored.e164,
    }


def template_simple(stored: StoredConference) -> dict[str, object]:
    """Return the fields of a template that are no lists, and the lengths of its lists."""
    settings = stored.settings
    return {
        **_FIXED,
        **_FIXED_IN_DETAIL,
        **_common_settings(stored),
        "template_id": stored.id,
        "e164": stored.e164,
        "bind_e164": int(bool(stored.e164)),
        "duration": settings.duration,
        "password": settings.password or "",
        "auto_end": int(settings.auto_end),
        "chairman": _role_account(stored, settings.chairman),
        "speaker": _role_account(stored, settings.speaker),
        "video_formats": _video_formats(stored),
        "audio_formats": [],
        "invite_num": len(settings.mts),
        **dict.fromkeys(("mix_num", "vmp_num", "vip_num", "poll_num"), 0),
    }


def template_detail(stored: StoredConference) -> dict[str, object]:
    """Return all fields of a template in the form of the API."""
    return {
        **template_simple(stored),
        "invite_members": invite_members(stored),
        "mix": mix_object(),
        "vmp": None,
        "poll": None,
        "vips": [],
        "keep_calling_members": [],
        "recorder": _recorder_choice(stored),
    }


def invite_members(stored: StoredConference) -> list[dict[str, object]]:
    """Return the terminals that are called into a conference of a template."""
    bitrate = stored.settings.bitrate
    return [
        {**_account_ref(mt), "bitrate": mt.extra.get("bitrate", bitrate)}
        for mt in stored.settings.mts
    ]


def mix_object() -> dict[str, object]:
    """Return how sound is mixed in conferences of templates and virtual rooms: everybody is heard."""
    return {"mode": 1, "members": []}


def room_item(stored: StoredConference, conf_name: str) -> dict[str, object]:
    """Return a virtual room as lists of the API show it.

    `conf_name`: the conference in it; "" means that it is idle.
    """
    return {
        **_FIXED,
        **_common_settings(stored),
        "id": stored.id,
        "resolution": _HD if stored.settings.resolution == "1080p" else _NO_HD,
        "exclusive": int(stored.exclusive),
        "exclusive_users": [
            {"name": "", "account": moid, "account_type": _ACCOUNT}
            for moid in stored.exclusive_users
        ],
        "e164": stored.e164,
        "conf_name": conf_name,
        "status": int(bool(conf_name)),
    }


def room_detail(stored: StoredConference, conf_name: str) -> dict[str, object]:
    """Return all fields of a virtual room. `conf_name`: the name of the conference in it; "" means that it is idle."""
    return {
        **room_item(stored, conf_name),
        **_FIXED_IN_DETAIL,
        "duration": stored.settings.duration,
        "auto_end": int(stored.settings.auto_end),
        "password": stored.settings.password or "",
        "video_formats": _video_formats(stored),
        "audio_formats": [],
        "mix": mix_object(),
        "vmp": None,
        "recorder": _recorder_choice(stored),
    }


def _video_formats(stored: StoredConference) -> Sequence[dict[str, object]]:
    """Return the one video format of a template or virtual room, in the form of the API."""
    settings = stored.settings
    return [
        {
            "format": 6 if settings.h265 else 4,  # H.265 or H.264
            "resolution": _HD if settings.resolution == "1080p" else _NO_HD,
            "frame": 30,
            "bitrate": settings.bitrate,
        }
    ]


def _recorder_choice(stored: StoredConference) -> dict[str, object]:
    """Return whether conferences of a template or virtual room are recorded, in the form of the API."""
    mode = int(stored.settings.record)
    return {"recorder_mode": mode, "publish_mode": 0, "dual_stream": 0, "anonymous": 0}


def _role_account(stored: StoredConference, account: str | None) -> dict[str, object] | None:
    """Return the chairman or speaker (`account`), who is among the invited terminals; `None` if there is none."""
    matching = (mt for mt in stored.settings.mts if account and mt.account == account)
    return next((_account_ref(mt) for mt in matching), None)


def _account_ref(mt: InvitedTerminal) -> dict[str, object]:
    """Return the account of an invited terminal (`mt`) as an AccountRef of the API.

    The type of the account and the protocol (1 SIP, 0 H.323) are those of the request that invited the terminal; if it
    named none, they follow from the kind of the terminal.
    """
    default = _ACCOUNT if mt.type == "user" else _NUMBER
    return {
        "name": mt.name,
        "account": mt.account,
        "account_type": mt.extra.get("account_type", default),
        "protocol": int(mt.extra.get("protocol", mt.type == "sip") == 1),
    }
