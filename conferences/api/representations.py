"""The functions here build the objects of the open platform API: ConfItem, ConfDetail and MtItem. They are pure."""

from __future__ import annotations

from datetime import datetime

from conferences.rules.registry_entries import ConfType
from conferences.rules.states import Conference
from foundation.bus.typed_json import to_json
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
    "mute_filter": 0,
    "preoccupy_resource": 0,
    "preoccpuy_resource": 0,
    "video_quality": 0,
    "dual_mode": 1,
    "public_conf": 0,
    "force_broadcast": 0,
    "fec_mode": 0,
    "one_reforming": 0,
    "doubleflow": 0,
    "voice_activity_detection": 0,
    "vacinterval": 15,
    "superior_cascade": 0,
    "subordinate_cascade": 0,
}
"""The fields of functions that our media units do not have, each with the value that says so."""


def _moment(value: datetime | None) -> str:
    return value.isoformat(timespec="seconds") if value else ""


def item(c: Conference, domain_name: str) -> dict[str, object]:
    """Return a ConfItem: a conference in a list."""
    settings = c.settings or Settings()
    return {
        **_UNSUPPORTED,
        "meeting_room_name": c.stored_name if c.conftype == ConfType.VIRTUAL else "",
        "name": c.name,
        "conf_id": c.e164,
        "meeting_id": c.confid,
        "user_domain_moid": c.user_domain,
        "user_domain_name": domain_name,
        "platform_id": c.hosting_platform or c.source_platform,
        "start_time": _moment(c.started_at or c.created_at),
        "end_time": _moment(c.ends_at),
        "duration": c.duration,
        "bitrate": c.bitrate,
        "mute": int(bool(settings.mute)),
        "silence": int(bool(settings.silence)),
        "auto_end": int(c.auto_end),
        "max_join_mt": c.places,
        "need_password": int(bool(c.password)),
        "state": c.state.value,
        "creator": {
            "name": c.creator_name,
            "account": c.creator_moid,
            "account_type": 1,
            "telephone": "",
            "mobile": "",
        },
    }


def detail(c: Conference, domain_name: str) -> dict[str, object]:
    """Return a ConfDetail: all fields of one conference."""
    hd = c.resolution == "1080p"
    video = {
        "format": 6 if c.h265 else 4,
        "resolution": 13 if hd else 12,
        "frame": 30,
        "bitrate": c.bitrate,
    }
    return {
        **item(c, domain_name),
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
        "video_formats": [video],
        "join": to_json(c.join) if c.join and c.state.value == "running" else None,
        "restores": c.restores,
    }


def terminal(wire_terminal: Terminal, bitrate: int) -> dict[str, object]:
    """Return an MtItem: a terminal of a conference; strings are never null."""
    account = wire_terminal.account or ""
    return {
        "alias": wire_terminal.name or account,
        "mt_id": wire_terminal.mtid or "",
        "ip": wire_terminal.ip or "",
        "online": int(bool(wire_terminal.online)),
        "e164": account if wire_terminal.type == "e164" else "",
        "type": 1,
        "bitrate": _as_called(wire_terminal, "bitrate", bitrate),
        "silence": int(bool(wire_terminal.silence)),
        "mute": int(bool(wire_terminal.mute)),
        **dict.fromkeys(("dual", "mix", "vmp", "inspection", "rec", "poll", "upload"), 0),
        "protocol": _as_called(wire_terminal, "protocol", int(wire_terminal.type == "sip")),
        "call_mode": 0,
        "account": account,
        "account_type": _as_called(
            wire_terminal, "account_type", 1 if wire_terminal.type == "user" else 5
        ),
    }


def _as_called(wire_terminal: Terminal, name: str, default: int) -> int:
    """Return a field as it was given when the terminal was called, if its media unit reports it."""
    value = wire_terminal.extra.get(name)
    return value if isinstance(value, int) else default
