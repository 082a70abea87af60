"""Pure functions convert arguments of HTTP requests, in all forms that clients send, into fields of messages."""

from __future__ import annotations

import re
from collections.abc import Mapping

from conferences.rules.stored_settings import GivenSettings
from foundation.plain_text import fault_of
from foundation.web.arguments import items, number, switch, words
from foundation.web.errors import Refusal
from wire.conference_manager import CreateConference, Creator
from wire.error_codes import Err
from wire.fields import InvitedTerminal, Places, Settings, TerminalType, flag

__all__ = [
    "conference_name",
    "conference_password",
    "create_request",
    "given_settings",
    "items",
    "number",
    "places_argument",
    "switch",
    "terminal_ids",
    "terminals_to_call",
    "words",
]

_FORBIDDEN_IN_NAME = re.compile(r"[%&*^~'\"?/\\<>|`$]")
_FORBIDDEN_AT_ENDS = "_-.@"
_PASSWORD = re.compile(r"[A-Za-z0-9_.]{0,16}")
_HD_RESOLUTIONS = (13, 16)
_H265_FORMAT = 6


def conference_name(value: object, argument: str = "name") -> str:
    """Return the name of a conference: 1 to 64 bytes without special characters. Raises Refusal."""
    name, fault = words(value, argument).strip(), ""
    if not name:
        fault = "is missing"
    elif len(name.encode(errors="replace")) > 64:
        fault = "at most 64 bytes are allowed"
    elif _FORBIDDEN_IN_NAME.search(name):
        fault = "must not contain % & * ^ ~ ' \" ? / \\ < > | ` $"
    elif name[0] in _FORBIDDEN_AT_ENDS or name[-1] in _FORBIDDEN_AT_ENDS:
        fault = "must not begin or end with _ - . @"
    if fault := fault or fault_of(name):
        raise Refusal(int(Err.MALFORMED), f"{argument}: {fault}")
    return name


def conference_password(value: object) -> str:
    """Return the conference password that a call asks for; "" means none. Raises Refusal if it may not be one."""
    password = words(value, "password")
    if not _PASSWORD.fullmatch(password):
        raise Refusal(
            int(Err.MALFORMED), "password: at most 16 letters, digits, _ and . are allowed"
        )
    return password


def create_request(
    params: Mapping[str, object], user_domain: str, creator: Creator, reqid: str | None = None
) -> CreateConference:
    """Return the message that creates a conference, from the arguments of the API (ConfParams). Raises Refusal.

    `reqid`: the caller's key of this request, so that a repeated request creates no second conference.
    """
    fields = given_settings(params)
    fields["name"] = conference_name(params.get("name"))
    # Settings for all terminals that change nothing are left out of the message.
    if (for_all := fields.get("settings")) and not (for_all.mute or for_all.silence):
        fields["settings"] = None
    return CreateConference(reqid=reqid, user_domain=user_domain, creator=creator, **fields)


def given_settings(
    params: Mapping[str, object], called_before: tuple[InvitedTerminal, ...] = ()
) -> GivenSettings:
    """Return the settings of a conference that the arguments contain; others are left out. Raises Refusal.

    `called_before`: the terminals that the conference calls if the arguments do not say whom. A chairman or speaker is
    added to them.
    """
    present = {name: value for name, value in params.items() if value not in (None, "")}
    fields: GivenSettings = {}
    if "name" in params:
        fields["name"] = conference_name(params["name"])
    if "password" in params:
        fields["password"] = conference_password(params["password"])
    if "duration" in present:
        fields["duration"] = number(present["duration"], "duration", 0)
    if "max_join_mt" in present:
        fields["places"] = places_argument(present["max_join_mt"])
    if "auto_end" in present:
        fields["auto_end"] = switch(present["auto_end"], "auto_end")
    if "recorder" in present:
        fields["record"] = _is_recorded(present["recorder"])
    if "mute" in present or "silence" in present:
        fields["settings"] = _entry_settings(params)
    fields |= _video_settings(params)
    return fields | _people_settings(params, called_before)


def _people_settings(
    params: Mapping[str, object], called_before: tuple[InvitedTerminal, ...]
) -> GivenSettings:
    """Return the terminals to call, the chairman and the speaker, as far as the arguments contain them. Raises Refusal.

    A chairman or speaker is called, too. `called_before`: whom the conference calls if the arguments do not say it.
    """
    fields: GivenSettings = {}
    called = called_before
    if params.get("invite_members") is not None:
        fields["mts"] = called = terminals_to_call(params["invite_members"], "invite_members")
    chairman, speaker = (_role_terminal(params.get(name), name) for name in ("chairman", "speaker"))
    if chairman or speaker:
        fields["mts"] = _with_roles(called, chairman, speaker)
    if chairman:
        fields["chairman"] = chairman.account
    if speaker:
        fields["speaker"] = speaker.account
    return fields


def _video_settings(params: Mapping[str, object]) -> GivenSettings:
    """Return resolution, codec and bitrate of the first format in the arguments, if there is one. Raises Refusal."""
    formats = [
        # Clients fill lists with empty formats, whose number is 0.
        video_format
        for video_format in items(params.get("video_formats"), "video_formats", 16)
        if number(video_format.get("format"), "video_formats.format", 0)
    ]
    fields: GivenSettings = {}
    if bitrate := number(params.get("bitrate"), "bitrate", 0):
        fields["bitrate"] = bitrate
    if not formats:
        return fields
    resolution = number(formats[0].get("resolution"), "video_formats.resolution", 12)
    fields["resolution"] = "1080p" if resolution in _HD_RESOLUTIONS else "720p"
    fields["h265"] = number(formats[0].get("format"), "video_formats.format", 0) == _H265_FORMAT
    if bitrate := number(formats[0].get("bitrate"), "video_formats.bitrate", 0):
        fields["bitrate"] = bitrate
    return fields


def _is_recorded(recorder: object) -> bool:
    """Return whether the argument `recorder` asks for a recording: mode 1 (record) or 3 (record and stream live).

    Raises Refusal.
    """
    if not recorder:
        return False
    if not isinstance(recorder, dict):
        raise Refusal(int(Err.MALFORMED), "recorder: must be an object")
    return number(recorder.get("recorder_mode"), "recorder_mode", 0) in (1, 3)


def _entry_settings(params: Mapping[str, object]) -> Settings:
    """Return whether members enter muted, or hearing nothing, as the arguments say. Raises Refusal."""
    mute, silence = (flag(switch(params.get(name), name)) for name in ("mute", "silence"))
    return Settings(mute=mute, silence=silence)


def _role_terminal(value: object, name: str) -> InvitedTerminal | None:
    """Return the chairman or speaker (`name` of the argument) as a terminal to call; `None` if the argument is empty.

    Raises Refusal.
    """
    if not value or (isinstance(value, dict) and not value.get("account")):
        return None
    return terminals_to_call([value], name)[0]


def _with_roles(
    called: tuple[InvitedTerminal, ...], *roles: InvitedTerminal | None
) -> tuple[InvitedTerminal, ...]:
    """Return the terminals to call, with chairman and speaker (`roles`) if they are missing among them."""
    by_account = {terminal.account: terminal for terminal in called}
    for terminal in roles:
        if terminal is not None:
            by_account.setdefault(terminal.account, terminal)
    return called if len(by_account) == len(called) else tuple(by_account.values())


def places_argument(value: object) -> Places:
    """Return the places of a conference (argument `max_join_mt`): 8, 32, 64 or 192. Raises Refusal."""
    requested_places = number(value, "max_join_mt", 8)
    for size in _SIZES:
        if requested_places == size:
            return size
    raise Refusal(int(Err.MALFORMED), "max_join_mt: must be 8, 32, 64 or 192")


_SIZES: tuple[Places, ...] = (8, 32, 64, 192)
_KINDS: dict[int, TerminalType] = {1: "user", 4: "sip", 5: "e164", 6: "e164"}


def terminals_to_call(value: object, name: str) -> tuple[InvitedTerminal, ...]:
    """Return the terminals to call from the argument with this name, a list of accounts. Raises Refusal.

    The account type is 5, a number, by default. Of types that _KINDS does not know the terminal's kind is "sip" if the
    `protocol` is 1, and "h323" if it is 0.
    """
    wire_terminals = []
    for account_item in items(value, name):
        account = words(account_item.get("account"), f"{name}.account").strip()
        if not account or len(account) > 128:
            raise Refusal(int(Err.MALFORMED), f"{name}.account: 1 to 128 characters are needed")
        protocol = number(account_item.get("protocol"), f"{name}.protocol", 0)
        if protocol not in (0, 1):
            raise Refusal(int(Err.MALFORMED), f"{name}.protocol: must be 0 (H.323) or 1 (SIP)")
        kind = number(account_item.get("account_type"), f"{name}.account_type", 5)
        display_name = words(account_item.get("name"), f"{name}.name") or account
        wire_kind = _KINDS.get(kind, "sip" if protocol else "h323")
        # Messages do not declare these fields: the media unit reports them back, if it keeps them.
        extra_fields: dict[str, object] = {
            key: number(account_item.get(key), f"{name}.{key}", 0)
            for key in ("protocol", "account_type", "bitrate")
            if account_item.get(key) is not None
        }
        wire_terminals.append(
            InvitedTerminal(
                account=account, name=display_name[:128], type=wire_kind, extra=extra_fields
            )
        )
    return tuple(wire_terminals)


def terminal_ids(value: object) -> tuple[str, ...]:
    """Return the ids of the terminals in the argument `mts`, a list of `{mt_id}`. Raises Refusal."""
    ids = [words(item.get("mt_id"), "mts.mt_id") for item in items(value, "mts")]
    if not ids or not all(ids):
        raise Refusal(int(Err.MALFORMED), "mts: a list of {mt_id} is needed")
    return tuple(ids)
