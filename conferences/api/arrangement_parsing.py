"""The functions read the arguments of a new conference that say who is heard and shown (HTTP API §2). Pure.

The arguments name people by account, but an arrangement names terminals by id: the first invited terminal has the id 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from conferences.api import picture_parsing
from conferences.api.request_parsing import items, number, switch, words
from foundation.web.arguments import in_range
from foundation.web.errors import Refusal
from wire.fields import InvitedTerminal

NOT_IN_CONFERENCE = 20435
_CHOSEN_MEMBERS = 2
_OF_TERMINAL = 1
MAX_VIPS = 8


def parse_arrangement(
    params: Mapping[str, object], called: Sequence[InvitedTerminal], moment: str
) -> dict[str, object]:
    """Return who is heard and shown at the beginning of a new conference (its arrangement), as JSON for its `settings`.

    Raises Refusal. `params`: the arguments of the HTTP API. `called`: the invited terminals, in their order. `moment`:
    the time at which a poll begins, in ISO 8601.
    """
    # Members are named by the id that their terminal will have.
    # A media unit numbers terminals without an id by their place in the list, from 1.
    ids = {row.account: row.mtid or str(place) for place, row in enumerate(called, 1)}
    arranged: dict[str, object] = {}
    # "spare": muting all leaves out the chairman and the speaker.
    if switch(params.get("mute_filter"), "mute_filter"):
        arranged["spare"] = 1
    if switch(params.get("voice_activity_detection"), "voice_activity_detection"):
        arranged["vad"] = in_range(params.get("vacinterval"), "vacinterval", 5, 3600, 15)
    mix = params.get("mix")
    if isinstance(mix, dict) and number(mix.get("mode"), "mix.mode", 1) == _CHOSEN_MEMBERS:
        members = _terminal_ids(mix.get("members"), "mix.members", ids)
        arranged["mix"] = {"mode": _CHOSEN_MEMBERS, "members": members}
    if isinstance(picture := params.get("vmp"), dict) and picture:
        arranged["layout"] = _parse_layout(picture, ids)
    if isinstance(poll := params.get("poll"), dict) and poll.get("members"):
        arranged["poll"] = {
            "mode": in_range(poll.get("mode"), "poll.mode", 1, 3, 1),
            "num": in_range(poll.get("num"), "poll.num", 0, 10_000, 0),
            "keep_time": in_range(poll.get("keep_time"), "poll.keep_time", 1, 86_400, 10),
            "members": _terminal_ids(poll.get("members"), "poll.members", ids),
            "since": moment,
        }
    if vips := _terminal_ids(params.get("vips"), "vips", ids, MAX_VIPS):
        arranged["vips"] = vips
    return arranged


def _terminal_ids(value: object, name: str, ids: Mapping[str, str], limit: int = 500) -> list[str]:
    """Return the ids of the terminals of a list of accounts.

    Raises Refusal if an account is not invited. `value`, `name`: the argument that is the list, and its name. `ids`:
    account -> id of its terminal.
    """
    return [_terminal_id(row.get("account"), name, ids) for row in items(value, name, limit)]


def _terminal_id(value: object, name: str, ids: Mapping[str, str]) -> str:
    """Return the id of an account's terminal.

    Raises Refusal if the account is not invited. `value`, `name`: the argument that names the account, and its name.
    `ids`: account -> id of its terminal.
    """
    account = words(value, f"{name}.account").strip()
    if account not in ids:
        raise Refusal(NOT_IN_CONFERENCE, f"{name}.account: {account[:64]!r} is not invited")
    return ids[account]


def _parse_layout(picture: Mapping[str, object], ids: Mapping[str, str]) -> dict[str, object]:
    """Return the layout of a composed picture (VmpT), whose places name accounts.

    Raises Refusal. `ids`: account -> id of its terminal.
    """
    members = []
    for row in items(picture.get("members"), "vmp.members", 25):
        place = dict(row)
        if number(row.get("member_type"), "vmp.members.member_type", _OF_TERMINAL) == _OF_TERMINAL:
            place["mt_id"] = _terminal_id(row.get("account"), "vmp.members", ids)
        if isinstance(poll := row.get("poll"), dict):
            polled = _terminal_ids(poll.get("members"), "vmp.members.poll", ids)
            place["poll"] = {**poll, "members": [{"mt_id": mt_id} for mt_id in polled]}
        members.append(place)
    return picture_parsing.parse_layout({**picture, "members": members})
