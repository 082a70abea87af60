"""The arrangement of a conference: who is heard and shown where, as data that pages and media units carry out.

It is kept in the conference's `settings`, beside `mute` and `silence`: the media unit changes and reports it, the
scheduler stores it with the conference and hands it to the next unit. Terminals are named by their `mtid`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Literal

import msgspec

from foundation.bus.typed_json import TypedObject, items, read_as, text, to_json, whole
from foundation.bus.typed_json_words import InvalidValue
from wire.fields import Flag, Settings, Terminal

Id = Annotated[str, text(128)]
Ids = Annotated[tuple[Id, ...], items()]


class Mix(TypedObject):
    """The choice of who is heard: everybody (mode 1), or these terminals only (mode 2)."""

    mode: Literal[1, 2] = 1
    members: Ids = ()


class Poll(TypedObject):
    """A poll shows its members one after the other, `keep_time` seconds each, `num` rounds (0: without end).

    `state` is 1 (running) or 2 (paused); it began at `since` with the member number `poll_index`, counted from 1.
    """

    mode: Annotated[int, whole(1, 11)] = 1
    state: Literal[1, 2] = 1
    num: Annotated[int, whole(0, 10_000)] = 0
    keep_time: Annotated[int, whole(1, 86_400)] = 10
    poll_index: Annotated[int, whole(1, 500)] = 1
    members: Ids = ()
    since: Annotated[str, text(40)] = ""

    def index_at(self, now: datetime) -> int:
        """Return the number of the member that is shown now, counted from 1; 0 means that the poll is over."""
        if not self.members:
            return 0
        steps = 0
        if self.state == 1:
            seconds = (now - datetime.fromisoformat(self.since)).total_seconds()
            steps = max(0, int(seconds // self.keep_time))
        position = self.poll_index - 1 + steps
        if self.num and position >= self.num * len(self.members):
            return 0
        return position % len(self.members) + 1


class View(TypedObject):
    """One terminal (`dst`) looks at another (`src`)."""

    mode: Literal[1, 2] = 1
    src: Id
    dst: Id


class Banned(TypedObject):
    """Somebody who was removed, and stays out until he is called again."""

    name: Id = ""
    account: Id = ""
    visitor: Annotated[str, text(16)] = ""
    """What the ids of his browser's connections begin with; "" if he was not there with a join page."""


class Arrangement(TypedObject, omit_defaults=True):
    """The arrangement of a conference. Every member is absent where nothing was asked for.

    `hold`: who is muted must not unmute himself, but for the terminals of `maytalk`; `spare`: it spares chairman and
    speaker. `broadcast`: everybody sees the speaker. `vad`: seconds after which the picture follows who talks.
    `layout`: the composed picture of all, `layouts` that of single terminals, in the form of the open API.
    """

    hold: Flag = 0
    spare: Flag = 0
    maytalk: Ids = ()
    broadcast: Flag = 0
    vad: Annotated[int, whole(0, 3600)] = 0
    recording: Literal[0, 1, 2] = 0
    mix: Mix | None = None
    layout: dict[str, object] | None = None
    layouts: dict[Id, dict[str, object]] = msgspec.field(default_factory=dict)
    poll: Poll | None = None
    chairmanpoll: Poll | None = None
    views: Annotated[tuple[View, ...], items()] = ()
    vips: Annotated[tuple[Id, ...], items(8)] = ()
    volumes: dict[Id, dict[str, int]] = msgspec.field(default_factory=dict)
    banned: Annotated[tuple[Banned, ...], items()] = ()

    def may_talk(self, mtid: str, roles: Collection[str]) -> bool:
        """Tell whether a terminal may open its microphone. `roles`: chairman and speaker."""
        if self.mix and self.mix.mode == 2 and mtid not in self.mix.members:
            return False
        return not self.hold or mtid in self.maytalk or (bool(self.spare) and mtid in roles)

    @property
    def names_kept_out(self) -> frozenset[str]:
        """Return the names and accounts, in small letters, of those who stay out."""
        names = (name for row in self.banned for name in (row.name, row.account) if name)
        return frozenset(name.casefold() for name in names)

    def without(self, mtid: str) -> Arrangement:
        """Return the arrangement after a terminal was removed."""
        mix = self.mix and msgspec.structs.replace(self.mix, members=_less(self.mix.members, mtid))
        return msgspec.structs.replace(
            self,
            maytalk=_less(self.maytalk, mtid),
            vips=_less(self.vips, mtid),
            mix=mix,
            views=tuple(view for view in self.views if mtid not in (view.src, view.dst)),
            layouts={key: value for key, value in self.layouts.items() if key != mtid},
            volumes={key: value for key, value in self.volumes.items() if key != mtid},
        )


def _less(ids: Ids, mtid: str) -> Ids:
    return tuple(kept for kept in ids if kept != mtid)


NOTHING = Arrangement()
FREELY_SET = frozenset(
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
    ]
)
"""The members that the order CM_MCU_ARRANGE_REQ may change; the others follow from other orders."""


class ArrangementRefused(Exception):
    """An order cannot be carried out; `errcode` is a code of the open API."""

    def __init__(self, errcode: str, detail: str) -> None:
        super().__init__(detail)
        self.errcode = errcode


def arrangement_of(settings: Settings | None) -> Arrangement:
    """Return the arrangement in a conference's settings; what cannot be read counts as nothing."""
    if settings is None or not settings.extra:
        return NOTHING
    try:
        return read_as(Arrangement, settings.extra)
    except InvalidValue:
        return NOTHING


def as_extra(arrangement: Arrangement) -> dict[str, object]:
    """Return the members of an arrangement that say something, as they stand in `settings`."""
    written = to_json(arrangement)
    return {
        name: value
        for name, value in written.items()
        if value != getattr(NOTHING, name) and value not in ([], {})
    }


def rearranged(
    before: Arrangement, changes: Mapping[str, object], members: Collection[str]
) -> Arrangement:
    """Return the arrangement with these members changed; `null` takes one back. Raises ArrangementRefused.

    `members`: the ids of the terminals of the conference, of which all named ones must be.
    """
    if unknown := changes.keys() - FREELY_SET:
        raise ArrangementRefused("29001", f"changes: {min(unknown)[:40]} can not be set")
    wanted = as_extra(before) | dict(changes)
    try:
        after = read_as(
            Arrangement, {name: value for name, value in wanted.items() if value is not None}
        )
    except InvalidValue as error:
        raise ArrangementRefused("29001", f"changes: {error}") from None
    strangers = set(_named(after, changes)) - set(members)
    if strangers:
        raise ArrangementRefused("20435", f"no terminal {min(strangers)[:40]!r} in this conference")
    return after


def mix_changed(
    arrangement: Arrangement,
    added: Collection[str],
    removed: Collection[str],
    members: Collection[str],
) -> Arrangement:
    """Return the arrangement with terminals added to, or removed from, its mix. Raises ArrangementRefused."""
    if not added and not removed:
        return arrangement
    mix = arrangement.mix
    if mix is None or mix.mode != 2:
        raise ArrangementRefused("20812", "no mix of chosen members runs")
    if strangers := set(added) - set(members):
        raise ArrangementRefused("20435", f"no terminal {min(strangers)[:40]!r} in this conference")
    if strangers := set(removed) - set(mix.members):
        raise ArrangementRefused("20814", f"{min(strangers)[:40]!r} is not a member of the mix")
    heard = [mtid for mtid in dict.fromkeys([*mix.members, *added]) if mtid not in removed]
    return msgspec.structs.replace(arrangement, mix=Mix(mode=2, members=tuple(heard)))


def without_ban(banned: Sequence[Banned], called: Iterable[Terminal]) -> tuple[Banned, ...]:
    """Return who stays out after these terminals were called: they are let in again, by account or name."""
    names = {name.casefold() for row in called for name in (row.account, row.name) if name}
    return tuple(row for row in banned if not names & {row.account.casefold(), row.name.casefold()})


def _named(arrangement: Arrangement, names: Collection[str]) -> list[str]:
    """Return the ids of all terminals that these members of an arrangement name."""
    named: list[str] = []
    for name in names:
        match getattr(arrangement, name):
            case Mix(members=ids) | Poll(members=ids):
                named += ids
            case tuple(values):
                for value in values:
                    named += (value.src, value.dst) if isinstance(value, View) else (value,)
            case dict(value) if name == "layout":
                named += named_in_layout(value)
            case dict(value) if name == "layouts":
                named += [
                    *value,
                    *(mtid for own in value.values() for mtid in named_in_layout(own)),
                ]
            case dict(value):
                named += value
    return named


def places_of(layout: Mapping[str, object]) -> list[dict[str, object]]:
    """Return who is shown at the places of a layout."""
    members = layout.get("members")
    return [row for row in members if isinstance(row, dict)] if isinstance(members, list) else []


def named_in_layout(layout: Mapping[str, object]) -> list[str]:
    """Return the ids of the terminals that a layout names."""
    ids: list[str] = []
    for member in places_of(layout):
        ids += [str(member["mt_id"])] if member.get("mt_id") else []
        ids += _ids_of(member.get("poll"))
    return ids + _ids_of(layout.get("poll"))


def _ids_of(poll: object) -> list[str]:
    """Return the ids of the members of a poll inside a layout."""
    members = poll.get("members") if isinstance(poll, dict) else None
    return [str(row.get("mt_id")) for row in members or [] if isinstance(row, dict)]
