"""HTTP arguments -> command: the fields of a create request, as programs really send them. Pure."""

from __future__ import annotations

import re
from typing import Any

from foundation.web.errors import Refusal
from wire.conference_manager import CreateConference, Creator
from wire.error_codes import Err
from wire.fields import InvitedTerminal, Places, TerminalType

_CLOSED_NAME = re.compile(r"[%&*^~'\"?/\\<>|`$]")
_EDGE = "_-.@"
_PASSWORD = re.compile(r"[A-Za-z0-9_.]{0,16}")
_HD_RESOLUTIONS = (13, 16)
_H265_FORMAT = 6
_NO_TEMPLATES = "templates, rooms and bookings come with a later release: use create_type 1"


def number(value: Any, name: str, default: int) -> int:
    """A whole number, also as a string; absent, null or empty is the default. Raises Refusal."""
    if value is None or value == "":
        return default
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,15}", value.strip()):
        value = int(value)
    if not isinstance(value, int) or abs(value) >= 2**53:
        raise Refusal(int(Err.MALFORMED), f"{name}: must be a whole number")
    return value


def switch(value: Any, name: str) -> bool:
    """0 or 1; absent is 0. Raises Refusal."""
    found = number(value, name, 0)
    if found not in (0, 1):
        raise Refusal(int(Err.MALFORMED), f"{name}: must be 0 or 1")
    return found == 1


def words(value: Any, name: str, default: str = "") -> str:
    """A string; numbers are taken as such. Raises Refusal."""
    if value is None:
        return default
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise Refusal(int(Err.MALFORMED), f"{name}: must be a string")
    return value


def items(value: Any, name: str, most: int = 500) -> list[dict[str, Any]]:
    """A list of objects; absent and null are empty. Raises Refusal."""
    if value is None or value == "":
        return []
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise Refusal(int(Err.MALFORMED), f"{name}: must be a list of objects")
    if len(value) > most:
        raise Refusal(int(Err.MALFORMED), f"{name}: at most {most} are taken")
    return value


def conference_name(value: Any) -> str:
    """A name as the API allows it: at most 64 bytes, no special characters. Raises Refusal."""
    name = words(value, "name").strip()
    if not name:
        raise Refusal(int(Err.MALFORMED), "name: is missing")
    if len(name.encode(errors="replace")) > 64:
        raise Refusal(int(Err.MALFORMED), "name: at most 64 bytes are allowed")
    if _CLOSED_NAME.search(name) or any(ord(c) < 32 or 0xD800 <= ord(c) < 0xE000 for c in name):
        raise Refusal(int(Err.MALFORMED), "name: must not contain % & * ^ ~ ' \" ? / \\ < > | ` $")
    if name[0] in _EDGE or name[-1] in _EDGE:
        raise Refusal(int(Err.MALFORMED), "name: must not begin or end with _ - . @")
    return name


def create_request(
    given: dict[str, Any], user_domain: str, creator: Creator, reqid: str | None = None
) -> CreateConference:
    """The wire's create request for ConfParams. Raises Refusal."""
    if number(given.get("create_type"), "create_type", 1) != 1:
        raise Refusal(20108, _NO_TEMPLATES)
    password = words(given.get("password"), "password")
    if not _PASSWORD.fullmatch(password):
        raise Refusal(
            int(Err.MALFORMED), "password: at most 16 letters, digits, _ and . are allowed"
        )
    formats = [
        f
        for f in items(given.get("video_formats"), "video_formats", 16)
        if number(f.get("format"), "video_formats.format", 0)
    ]
    first = formats[0] if formats else {}
    resolution = number(first.get("resolution"), "video_formats.resolution", 12)
    default_rate = number(given.get("bitrate"), "bitrate", 1024) or 1024
    rate = number(first.get("bitrate"), "video_formats.bitrate", 0) or default_rate
    recorder = given.get("recorder") or {}
    if not isinstance(recorder, dict):
        raise Refusal(int(Err.MALFORMED), "recorder: must be an object")
    return CreateConference(
        reqid=reqid,
        user_domain=user_domain,
        creator=creator,
        name=conference_name(given.get("name")),
        password=password,
        duration=number(given.get("duration"), "duration", 240),
        places=places(given.get("max_join_mt")),
        auto_end=switch(given.get("auto_end"), "auto_end"),
        resolution="1080p" if resolution in _HD_RESOLUTIONS else "720p",
        h265=number(first.get("format"), "video_formats.format", 0) == _H265_FORMAT,
        bitrate=rate,
        record=number(recorder.get("recorder_mode"), "recorder_mode", 0) in (1, 3),
        mts=terminals(given.get("invite_members"), "invite_members"),
    )


def places(value: Any) -> Places:
    """`max_join_mt`: 8, 32, 64 or 192. Raises Refusal."""
    found = number(value, "max_join_mt", 8)
    for size in _SIZES:
        if found == size:
            return size
    raise Refusal(int(Err.MALFORMED), "max_join_mt: must be 8, 32, 64 or 192")


_SIZES: tuple[Places, ...] = (8, 32, 64, 192)
_KINDS: dict[int, TerminalType] = {1: "user", 4: "sip", 5: "e164", 6: "e164"}


def terminals(value: Any, name: str) -> tuple[InvitedTerminal, ...]:
    """Accounts to call, as the wire's terminals. Raises Refusal."""
    found = []
    for one in items(value, name):
        account = words(one.get("account"), f"{name}.account").strip()
        if not account or len(account) > 128:
            raise Refusal(int(Err.MALFORMED), f"{name}.account: 1 to 128 characters are needed")
        sip = number(one.get("protocol"), f"{name}.protocol", 0) == 1
        kind = number(one.get("account_type"), f"{name}.account_type", 5)
        shown = words(one.get("name"), f"{name}.name") or account
        wire_kind = _KINDS.get(kind, "sip" if sip else "h323")
        found.append(InvitedTerminal(account=account, name=shown[:128], type=wire_kind))
    return tuple(found)


def terminal_ids(value: Any) -> tuple[str, ...]:
    """`mts` as a list of `{mt_id}`. Raises Refusal."""
    found = [words(one.get("mt_id"), "mts.mt_id") for one in items(value, "mts")]
    if not found or not all(found):
        raise Refusal(int(Err.MALFORMED), "mts: a list of {mt_id} is needed")
    return tuple(found)
