"""The arrangement of a conference: who is heard and shown where, as data that pages and media units carry out.

It is kept in the conference's `settings`, beside `mute` and `silence`: the media unit changes and reports it, the
scheduler stores it with the conference and hands it to the next unit. Terminals are named by their `mtid`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Literal

import msgspec

from foundation.bus.typed_json import TypedObject, items, read_as, text, to_json, whole
from foundation.bus.typed_json_words import InvalidValue
from wire.fields import Flag, Settings, Terminal

Id = Annotated[str, text(128)]
Ids = Annotated[tuple[Id, ...], items()]
MOST_CO_CHAIRS = 20
Right = Literal["share", "chat", "unmute"]
"""A right that may be kept for chairs: "share" a screen, write in the "chat", or "unmute" the own microphone."""


class Mix(TypedObject):
    """A mix says who is heard in a conference: everybody (mode 1), or only the terminals in `members` (mode 2)."""

    mode: Literal[1, 2] = 1
    members: Ids = ()


class Poll(TypedObject):
    """A poll shows terminals (`members`) in turn, each for `keep_time` seconds, in `num` rounds (0: without end).

    `state` is 1 (running) or 2 (paused); it began at the time `since` with the member number `poll_index`, counted from
    1.
    """

    mode: Annotated[int, whole(1, 11)] = 1
    state: Literal[1, 2] = 1
    num: Annotated[int, whole(0, 10_000)] = 0
    keep_time: Annotated[int, whole(1, 86_400)] = 10
    poll_index: Annotated[int, whole(1, 500)] = 1
    members: Ids = ()
    since: Annotated[str, text(40)] = ""

    def index_at(self, now: datetime) -> int:
        """Return which member of the poll is shown at `now`, counted from 1; 0 means that the poll is over.

        While it pauses (`state` 2) the shown member stays the same.
        """
        if not self.members:
            return 0
        members_shown = 0
        if self.state == 1:
            members_shown = max(0, int(self._seconds_running(now) // self.keep_time))
        position = self.poll_index - 1 + members_shown
        if self.num and position >= self.num * len(self.members):
            return 0
        return position % len(self.members) + 1

    def _seconds_running(self, now: datetime) -> float:
        """Return for how many seconds the poll has run; 0 if `since`, a text from a media unit, is not a time."""
        try:
            since = datetime.fromisoformat(self.since)
        except ValueError:
            return 0.0
        return (now - since.replace(tzinfo=since.tzinfo or UTC)).total_seconds()


class View(TypedObject):
    """A view says that one terminal (`dst`) is shown the picture of another (`src`), by their ids."""

    mode: Literal[1, 2] = 1
    src: Id
    dst: Id


class Banned(TypedObject):
    """A person who was removed from the conference, and may not enter again until somebody calls them."""

    name: Id = ""
    account: Id = ""
    visitor: Annotated[str, text(16)] = ""
    """The beginning that the ids of this person's browser connections share; "" for a person without a join page."""


class Arrangement(TypedObject, omit_defaults=True):
    """The arrangement says who is heard and shown in a conference. In JSON, members with their default are left out.

    `hold`: muted people must not unmute themselves, except for the terminals in `maytalk`, and, with `spare`, for
    chairman and speaker. `broadcast`: everybody sees the speaker. `vad`: after so many seconds of speech the picture
    shows the person who talks; 0 means that it does not. `recording`: 0 off, 1 running, 2 paused. `layout`: the
    composed picture for all, `layouts`: terminal id -> its own picture, both in the form of the open API. `composed`: 1
    while the unit makes a video stream of `layout`, an error code of the open API while it fails to, 0 while it makes
    none. `vips`: the terminals that are shown first. `volumes`: terminal id -> volumes of its loudspeaker ("1") and
    microphone ("2"). `hands`: the terminals that have a hand up, in the order in which they raised it.
    `locked`: nobody new enters. `lobby`: whoever has no account of the user domain waits until let in.
    `chair`, `cochairs`: the ids of the visitors who may steer the conference from their pages (as in `Banned.visitor`).
    `chairsonly`: the rights that are kept for them and for the chairman's terminal; everybody has all others.
    """

    hold: Flag = 0
    spare: Flag = 0
    maytalk: Ids = ()
    broadcast: Flag = 0
    vad: Annotated[int, whole(0, 3600)] = 0
    recording: Literal[0, 1, 2] = 0
    composed: Annotated[int, whole(0, 99_999)] = 0
    mix: Mix | None = None
    layout: dict[str, object] | None = None
    layouts: dict[Id, dict[str, object]] = msgspec.field(default_factory=dict)
    poll: Poll | None = None
    chairmanpoll: Poll | None = None
    views: Annotated[tuple[View, ...], items()] = ()
    vips: Annotated[tuple[Id, ...], items(8)] = ()
    volumes: dict[Id, dict[str, int]] = msgspec.field(default_factory=dict)
    banned: Annotated[tuple[Banned, ...], items()] = ()
    hands: Ids = ()
    locked: Flag = 0
    lobby: Flag = 0
    chair: Annotated[str, text(16)] = ""
    cochairs: Annotated[tuple[Annotated[str, text(16)], ...], items(MOST_CO_CHAIRS)] = ()
    chairsonly: Annotated[tuple[Right, ...], items(3)] = ()

    def may_talk(self, mtid: str, roles: Collection[str]) -> bool:
        """Return whether a terminal (its id: `mtid`) may open its microphone.

        It may not if a mix of chosen members (mode 2) leaves it out. `roles`: the ids of the terminals of chairman and
        speaker, whom `spare` exempts from `hold`, the rule that muted people stay muted.
        """
        if self.mix and self.mix.mode == 2 and mtid not in self.mix.members:
            return False
        return not self.hold or mtid in self.maytalk or (bool(self.spare) and mtid in roles)

    @property
    def banned_names(self) -> frozenset[str]:
        """Return the names and accounts of all banned people, in lower case."""
        names = (name for row in self.banned for name in (row.name, row.account) if name)
        return frozenset(name.casefold() for name in names)

    def without_terminal(self, mtid: str) -> Arrangement:
        """Return the arrangement as it is after the terminal with this id was removed from the conference."""
        mix = self.mix and msgspec.structs.replace(
            self.mix, members=_without_terminal_id(self.mix.members, mtid)
        )
        return msgspec.structs.replace(
            self,
            maytalk=_without_terminal_id(self.maytalk, mtid),
            vips=_without_terminal_id(self.vips, mtid),
            hands=_without_terminal_id(self.hands, mtid),
            mix=mix,
            views=tuple(view for view in self.views if mtid not in (view.src, view.dst)),
            layouts={key: value for key, value in self.layouts.items() if key != mtid},
            volumes={key: value for key, value in self.volumes.items() if key != mtid},
        )


def _without_terminal_id(ids: Ids, removed_id: str) -> Ids:
    """Return these ids of terminals without the removed one."""
    return tuple(mtid for mtid in ids if mtid != removed_id)


DEFAULT_ARRANGEMENT = Arrangement()
CHANGEABLE_MEMBERS = frozenset(
    [
        "broadcast",
        "vad",
        "mix",
        "layout",
        "layouts",
        "poll",
        "chairmanpoll",
        "views",
        "vips",
        "volumes",
        "hands",
        "locked",
        "lobby",
        "chair",
        "cochairs",
        "chairsonly",
    ]
)
"""The order CM_MCU_ARRANGE_REQ may change these members of an arrangement; other orders change the others."""


class ArrangementRefused(Exception):
    """A change of who is heard and shown cannot be made; `errcode` is an error code of the open API."""

    def __init__(self, errcode: str, detail: str) -> None:
        """Take the error code, and the sentence (`detail`) that says why."""
        super().__init__(detail)
        self.errcode = errcode


def arrangement_of(settings: Settings | None) -> Arrangement:
    """Return who is heard and shown in a conference, from its settings; the default if they say nothing valid."""
    if settings is None or not settings.extra:
        return DEFAULT_ARRANGEMENT
    try:
        return read_as(Arrangement, settings.extra)
    except InvalidValue:
        return DEFAULT_ARRANGEMENT


def to_settings_members(arrangement: Arrangement) -> dict[str, object]:
    """Return the fields of an arrangement that differ from their defaults, in JSON for a conference's `settings`."""
    json_members = to_json(arrangement)
    return {
        name: value
        for name, value in json_members.items()
        if value != getattr(DEFAULT_ARRANGEMENT, name) and value not in ([], {})
    }


def change_members(
    before: Arrangement, changes: Mapping[str, object], terminal_ids: Collection[str]
) -> Arrangement:
    """Return the arrangement (who is heard and shown) after some changes. Raises ArrangementRefused.

    `changes`: name of a field of Arrangement -> its new value in JSON; `None` sets it back to its default.
    `terminal_ids`: the terminals of the conference; the changes may name no others.
    """
    if unknown := changes.keys() - CHANGEABLE_MEMBERS:
        raise ArrangementRefused("29001", f"changes: {min(unknown)[:40]} can not be set")
    json_members = to_settings_members(before) | dict(changes)
    try:
        after = read_as(
            Arrangement, {name: value for name, value in json_members.items() if value is not None}
        )
    except InvalidValue as error:
        raise ArrangementRefused("29001", f"changes: {error}") from None
    absent = set(_terminals_named_in(after, changes)) - set(terminal_ids)
    if absent:
        raise ArrangementRefused("20435", f"no terminal {min(absent)[:40]!r} in this conference")
    return after


def change_mix(
    arrangement: Arrangement,
    added: Collection[str],
    removed: Collection[str],
    terminal_ids: Collection[str],
) -> Arrangement:
    """Return the arrangement after terminals joined and left its mix (those that are heard).

    Raises ArrangementRefused, also if no mix of chosen members (mode 2) runs. `added`, `removed`: ids of these
    terminals. `terminal_ids`: the terminals of the conference.
    """
    if not added and not removed:
        return arrangement
    mix = arrangement.mix
    if mix is None or mix.mode != 2:
        raise ArrangementRefused("20812", "no mix of chosen members runs")
    if absent := set(added) - set(terminal_ids):
        raise ArrangementRefused("20435", f"no terminal {min(absent)[:40]!r} in this conference")
    if absent := set(removed) - set(mix.members):
        raise ArrangementRefused("20814", f"{min(absent)[:40]!r} is not a member of the mix")
    members = [mtid for mtid in dict.fromkeys([*mix.members, *added]) if mtid not in removed]
    return msgspec.structs.replace(arrangement, mix=Mix(mode=2, members=tuple(members)))


def remaining_bans(bans: Sequence[Banned], called: Iterable[Terminal]) -> tuple[Banned, ...]:
    """Return the bans left after these terminals were called: a call lifts the ban of its account or name."""
    names = {name.casefold() for row in called for name in (row.account, row.name) if name}
    return tuple(ban for ban in bans if not names & {ban.account.casefold(), ban.name.casefold()})


def _terminals_named_in(arrangement: Arrangement, member_names: Collection[str]) -> list[str]:
    """Return the ids of all terminals that occur in these fields (`member_names`) of an arrangement."""
    mtids: list[str] = []
    # Co-chairs are visitors, not terminals, and rights are neither.
    for name in set(member_names) - {"cochairs", "chairsonly"}:
        match getattr(arrangement, name):
            case Mix(members=ids) | Poll(members=ids):
                mtids += ids
            case tuple(values):
                for value in values:
                    mtids += (value.src, value.dst) if isinstance(value, View) else (value,)
            case dict(value) if name == "layout":
                mtids += terminals_in_layout(value)
            case dict(value) if name == "layouts":
                mtids += [
                    *value,
                    *(mtid for layout in value.values() for mtid in terminals_in_layout(layout)),
                ]
            case dict(value):
                mtids += value
    return mtids


def places_of_layout(layout: Mapping[str, object]) -> list[dict[str, object]]:
    """Return the places of a composed picture (`layout`): for each an object that says who is shown there."""
    members = layout.get("members")
    return [row for row in members if isinstance(row, dict)] if isinstance(members, list) else []


def terminals_in_layout(layout: Mapping[str, object]) -> list[str]:
    """Return the ids of the terminals that a composed picture (`layout`) shows, also in turn (poll)."""
    ids: list[str] = []
    for member in places_of_layout(layout):
        ids += [str(member["mt_id"])] if member.get("mt_id") else []
        ids += _terminals_in_poll(member.get("poll"))
    return ids + _terminals_in_poll(layout.get("poll"))


def _terminals_in_poll(poll: object) -> list[str]:
    """Return the ids of the terminals that a place of a picture shows in turn; [] if `poll` is no poll."""
    members = poll.get("members") if isinstance(poll, dict) else None
    return [str(row.get("mt_id")) for row in members or [] if isinstance(row, dict)]
