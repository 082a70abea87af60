"""The functions build the objects of the open platform API from a conference: ConfItem, MtItem and others. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from conferences.rules.registry_entries import ConfType
from conferences.rules.states import Conference
from foundation.bus.typed_json import to_json
from wire.arrangement import (
    DEFAULT_ARRANGEMENT,
    Arrangement,
    Poll,
    arrangement_of,
    places_of_layout,
)
from wire.fields import Settings, Terminal

_UNSUPPORTED = {
    "conf_level": 16,
    "conf_type": 1,
    "closed_conf": 0,
    "safe_conf": 0,
    "encrypted_type": 0,
    "encrypted_frequence": 0,
    "encrypted_auth": 0,
    "encrypted_key": "",
    "preoccupy_resource": 0,
    "preoccpuy_resource": 0,
    "video_quality": 0,
    "dual_mode": 1,
    "public_conf": 0,
    "fec_mode": 0,
    "one_reforming": 0,
    "doubleflow": 0,
    "superior_cascade": 0,
    "subordinate_cascade": 0,
}
"""The constant fields of functions that our media units do not have."""


def _time_text(value: datetime | None) -> str:
    """Return a time in ISO 8601; "" for `None`."""
    return value.isoformat(timespec="seconds") if value else ""


def conference_item(conference: Conference, domain_name: str) -> dict[str, object]:
    """Return a conference as lists of the API show it (ConfItem). `domain_name`: that of its user domain."""
    settings = conference.settings or Settings()
    arrangement = arrangement_of(conference.settings)
    return {
        **_UNSUPPORTED,
        "meeting_room_name": conference.stored_name
        if conference.conftype == ConfType.VIRTUAL
        else "",
        "mute_filter": arrangement.spare,
        "force_broadcast": arrangement.broadcast,
        "voice_activity_detection": int(bool(arrangement.vad)),
        "vacinterval": arrangement.vad or 15,
        "name": conference.name,
        "conf_id": conference.e164,
        "meeting_id": conference.confid,
        "user_domain_moid": conference.user_domain,
        "user_domain_name": domain_name,
        "platform_id": conference.hosting_platform or conference.source_platform,
        "start_time": _time_text(conference.started_at or conference.created_at),
        "end_time": _time_text(conference.ends_at),
        "duration": conference.duration,
        "bitrate": conference.bitrate,
        "mute": int(bool(settings.mute)),
        "silence": int(bool(settings.silence)),
        "auto_end": int(conference.auto_end),
        "max_join_mt": conference.places,
        "need_password": int(bool(conference.password)),
        "state": conference.state.value,
        "creator": {
            "name": conference.creator_name,
            "account": conference.creator_moid,
            "account_type": 1,  # a MOID
            "telephone": "",
            "mobile": "",
        },
    }


def conference_detail(conference: Conference, domain_name: str) -> dict[str, object]:
    """Return all fields of a conference in the form of the API (ConfDetail). `domain_name`: that of its user domain."""
    arrangement = arrangement_of(conference.settings)
    video = {
        "format": _video_format(conference),
        "resolution": 13 if conference.resolution == "1080p" else 12,  # 1080p or 720p
        "frame": 30,
        "bitrate": conference.bitrate,
    }
    return {
        **conference_item(conference, domain_name),
        "call_times": 0,
        "call_interval": 20,
        "call_mode": 0,
        "cascade_mode": 0,
        "cascade_upload": 0,
        "cascade_return": 0,
        "cascade_return_para": 0,
        "vmp_enable": int(arrangement.layout is not None),
        "mix_enable": 1,
        "poll_enable": int(arrangement.poll is not None),
        "video_formats": [video],
        "join": to_json(conference.join)
        if conference.join and conference.state.value == "running"
        else None,
        "restores": conference.restores,
    }


def _video_format(conference: Conference) -> int:
    """Return the number of the conference's video codec in the API: 6 is H.265, 4 is H.264."""
    return 6 if conference.h265 else 4


def terminal_item(
    terminal: Terminal, bitrate: int, arrangement: Arrangement = DEFAULT_ARRANGEMENT
) -> dict[str, object]:
    """Return a terminal of a conference as lists of the API show it (MtItem); strings are never null.

    `bitrate`: the conference's, in kbit/s, if the terminal has none of its own. `arrangement`: who is heard and shown
    in the conference; with `mix.mode` 1 everybody is heard. The account type 1 is a MOID (account id), 5 a number.
    """
    account, mtid = terminal.account or "", terminal.mtid or ""
    mix, poll = arrangement.mix, arrangement.poll
    shown = [row.get("mt_id") for row in places_of_layout(arrangement.layout or {})]
    return {
        "alias": terminal.name or account,
        "mt_id": terminal.mtid or "",
        "ip": terminal.ip or "",
        "online": int(bool(terminal.online)),
        "e164": account if terminal.type == "e164" else "",
        "type": 1,
        "bitrate": _field_of_call(terminal, "bitrate", bitrate),
        "silence": int(bool(terminal.silence)),
        "mute": int(bool(terminal.mute)),
        "mix": int(mix is not None and (mix.mode == 1 or mtid in mix.members)),
        "vmp": int(mtid in shown),
        "inspection": int(any(view.dst == mtid for view in arrangement.views)),
        "poll": int(poll is not None and mtid in poll.members),
        "dual": int(bool(terminal.dual)),
        **dict.fromkeys(("rec", "upload"), 0),
        "protocol": int(_field_of_call(terminal, "protocol", terminal.type == "sip") == 1),
        "call_mode": 0,
        "account": account,
        "account_type": _field_of_call(
            terminal, "account_type", 1 if terminal.type == "user" else 5
        ),
    }


def _field_of_call(terminal: Terminal, name: str, default: int) -> int:
    """Return a field that was given when the terminal was called; the default if its media unit does not report it."""
    value = terminal.extra.get(name)
    return value if isinstance(value, int) else default


_FULL_HD, _HD = 35, 32
"""Resolutions of a terminal's channel."""
_MIX_LABEL = 4
_DEFAULT_VOLUME = 20


def terminal_detail(conference: Conference, terminal: Terminal) -> dict[str, object]:
    """Return a terminal with its channels in the form of the API (MtDetail); one that is offline has no channels."""
    arrangement = arrangement_of(conference.settings)
    shown = terminal_item(terminal, conference.bitrate, arrangement)
    channel = {"chn_id": 1, "chn_alias": "", "chn_label": 0}
    picture_channel = channel | {
        "bitrate": conference.bitrate,
        "resolution": _FULL_HD if conference.resolution == "1080p" else _HD,
        "format": _video_format(conference),
    }
    channels: dict[str, list[dict[str, object]]] = {
        "v_snd_chn": [picture_channel | {"cur_video_idx": 1}],
        "v_rcv_chn": [picture_channel],
        "dv_snd_chn": [],
        "dv_rcv_chn": [],
        "a_snd_chn": [channel],
        "a_rcv_chn": [channel | {"chn_label": _MIX_LABEL}],
    }
    if not terminal.online:
        channels = {name: [] for name in channels}
    volumes = arrangement.volumes.get(terminal.mtid or "", {})
    loudness = {
        "rcv_volume": volumes.get("1", _DEFAULT_VOLUME),
        "snd_volume": volumes.get("2", _DEFAULT_VOLUME),
    }
    return {**shown, **channels, **loudness}


def member_items(conference: Conference, ids: Collection[str]) -> list[dict[str, object]]:
    """Return account and id of the members of a conference with these ids; both are "" for one that has left."""
    accounts = {row.mtid: row.account or "" for row in conference.mts}
    return [
        {"account": accounts.get(mtid, ""), "mt_id": mtid if mtid in accounts else ""}
        for mtid in ids
    ]


def picture_item(conference: Conference, layout: Mapping[str, object]) -> dict[str, object]:
    """Return the layout of a composed picture (VmpLive), with the account of each terminal that it shows."""
    accounts = {row.mtid: row.account or "" for row in conference.mts}
    rows = [
        {**row, "account": accounts.get(str(row.get("mt_id")), ""), "mt_id": row.get("mt_id", "")}
        for row in places_of_layout(layout)
    ]
    return {**layout, "members": rows}


def poll_item(
    conference: Conference, running: Poll | None, default_mode: int, now: datetime
) -> dict[str, object]:
    """Return a poll, which shows members one after the other, and whom it shows now (PollLive).

    `running`: the poll; `None`: there is none. `default_mode`: the mode to answer then.
    """
    if running is None:
        nobody = {"mode": default_mode, "cur_poll_mt": {"mt_id": ""}, "members": []}
        return nobody | dict.fromkeys(("state", "num", "keep_time", "poll_index"), 0)
    index = running.index_at(now)
    return {
        "mode": running.mode,
        "state": running.state,
        "num": running.num,
        "keep_time": running.keep_time,
        "poll_index": index,
        "cur_poll_mt": {"mt_id": running.members[index - 1] if index else ""},
        "members": member_items(conference, running.members),
    }
