"""The functions here build the objects of the open platform API for reservations. They are pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from conferences.rules.outgoing import wire_time
from conferences.rules.reservation import Occurrence, Reservation
from wire.conference_settings import ConferenceSettings
from wire.fields import Settings

_FIXED: dict[str, object] = {
    "conf_type": 1,
    "closed_conf": 0,
    "safe_conf": 0,
    "encrypted_type": 0,
    "encrypted_auth": 0,
    "encrypted_key": "",
    "video_quality": 0,
    "one_reforming": 0,
    "dual_mode": 1,
    "voice_activity_detection": 0,
    "public_conf": 0,
}
"""The constant fields of functions that our media units do not have."""

_FIXED_IN_DETAIL: dict[str, object] = {
    "mute_filter": 0,
    "fec_mode": 0,
    "doubleflow": 0,
    "vacinterval": 15,
    "call_times": 0,
    "call_interval": 20,
    "call_mode": 0,
    "cascade_mode": 0,
    "cascade_upload": 0,
    "cascade_return": 0,
    "cascade_return_para": 0,
    "vmp_enable": 0,
    "mix_enable": 1,
    "poll_enable": 0,
    "preoccupy_resource": 0,
}


def _time_text(moment: datetime) -> str:
    """Return a time in ISO 8601, UTC."""
    return wire_time(moment) or ""


def booked_item(
    reservation: Reservation, occurrence: Occurrence, *, with_password: bool
) -> dict[str, object]:
    """Return one occurrence (single meeting) of a reservation in the shape that the API's lists have.

    `with_password`: the reader may see its password; without it the field is "". An occurrence that
    was changed has settings of its own; the others have those of the reservation.
    """
    settings = occurrence.settings or reservation.settings
    for_all = settings.settings or Settings()
    return {
        **_FIXED,
        "name": settings.name,
        "conf_id": reservation.e164,
        "meeting_id": reservation.bookid,
        "start_time": _time_text(occurrence.starts_at),
        "end_time": _time_text(occurrence.ends_at),
        "occurrence": _time_text(occurrence.original),
        "timezone": reservation.timezone,
        "repeat": reservation.repeat,
        "duration": settings.duration,
        "bitrate": settings.bitrate,
        "password": (settings.password or "") if with_password else "",
        "need_password": int(bool(settings.password)),
        "mute": int(bool(for_all.mute)),
        "silence": int(bool(for_all.silence)),
        "invited_mt_num": len(settings.mts),
        "max_join_mt": settings.places,
        "guest_num": sum(person.is_guest for person in reservation.invited),
        "creator": {
            "name": reservation.creator_name,
            "account": reservation.creator_moid,
            "account_type": 1,  # a MOID
            "telephone": "",
            "mobile": "",
        },
    }


def booked_detail(
    reservation: Reservation, occurrences: Sequence[Occurrence], *, with_password: bool
) -> dict[str, object]:
    """Return all fields of a reservation, as its next occurrence will be held, with a list of its `occurrences`.

    `with_password`: the reader may see its password.
    """
    settings = occurrences[0].settings or reservation.settings
    video = {
        "format": 6 if settings.h265 else 4,  # H.265 or H.264
        "resolution": 13 if settings.resolution == "1080p" else 12,  # 1080p or 720p
        "frame": 30,
        "bitrate": settings.bitrate,
    }
    return {
        **_FIXED_IN_DETAIL,
        **booked_item(reservation, occurrences[0], with_password=with_password),
        "auto_end": int(settings.auto_end),
        "speaker": _person(settings, settings.speaker),
        "chairman": _person(settings, settings.chairman),
        "recorder": {"recorder_mode": int(settings.record)},
        "video_formats": [video],
        "dates": [
            {
                "occurrence": _time_text(occurrence.original),
                "start_time": _time_text(occurrence.starts_at),
                "end_time": _time_text(occurrence.ends_at),
            }
            for occurrence in occurrences
        ],
        "guests": [
            {"email": person.email, "name": person.name, "language": person.language}
            for person in reservation.invited
            if person.is_guest and with_password
        ],
    }


def _person(settings: ConferenceSettings, account: str | None) -> dict[str, object]:
    """Return the chairman or speaker of a reservation as an AccountRef; its fields are "" if `account` is `None`."""
    name = next((terminal.name for terminal in settings.mts if terminal.account == account), "")
    # The account type 5 is a number (E.164).
    return {"name": name if account else "", "account": account or "", "account_type": 5}
