"""Who is called and who is there: connections become terminals with numbers that last. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from media_unit.janus_config import AUDIO, VIDEO

Body = dict[str, Any]

MOST = 500
"""The wire's limit for one list."""


@dataclass(frozen=True, slots=True)
class Part:
    """One connection of a participant to one of the rooms."""

    plugin: str
    id: str
    display: str
    muted: bool = False
    sends: bool = True


@dataclass(slots=True)
class Terminal:
    """Somebody who was called, or came. `links` are its connections: (plugin, id)."""

    mtid: str
    account: str
    name: str
    kind: str = "user"
    called: bool = False
    mute: bool = False
    silence: bool = False
    links: set[tuple[str, str]] = field(default_factory=set)

    @property
    def online(self) -> bool:
        return bool(self.links)

    def is_called(self, display: str) -> bool:
        """Is this the one who enters by that name?"""
        wanted = display.strip().casefold()
        return bool(wanted) and wanted in (self.account.casefold(), self.name.strip().casefold())

    def id_in(self, plugin: str) -> str:
        """Its id in one of the rooms, or ""."""
        return next((one for where, one in sorted(self.links) if where == plugin), "")

    def on_the_wire(self) -> Body:
        return {
            "mtid": self.mtid,
            "account": self.account,
            "name": self.name,
            "type": self.kind,
            "online": int(self.online),
            "mute": int(self.mute),
            "silence": int(self.silence),
        }


class Roster:
    """The terminals of one conference, in the order in which they were called or came."""

    def __init__(self) -> None:
        self.terminals: dict[str, Terminal] = {}
        self._last = 0

    @property
    def mts(self) -> tuple[Body, ...]:
        """The full list as the wire has it."""
        return tuple(one.on_the_wire() for one in self.terminals.values())

    @property
    def online(self) -> list[Terminal]:
        return [one for one in self.terminals.values() if one.online]

    def call(self, wanted: Iterable[Body]) -> list[str]:
        """Put terminals on the list, to be there when they come; return their mtids. ValueError when full."""
        called = []
        for one in wanted:
            account = str(one.get("account") or one.get("mtid") or "")[:128]
            terminal = self._known(str(one.get("mtid") or ""), account)
            if terminal is None:
                terminal = self._add(str(one.get("mtid") or ""), account)
            terminal.name = str(one.get("name") or account)[:128]
            terminal.kind = str(one.get("type") or terminal.kind)[:16]
            terminal.called = True
            terminal.mute = bool(one.get("mute", terminal.mute))
            terminal.silence = bool(one.get("silence", terminal.silence))
            called.append(terminal.mtid)
        return called

    def _known(self, mtid: str, account: str) -> Terminal | None:
        if mtid in self.terminals:
            return self.terminals[mtid]
        same = (one for one in self.terminals.values() if one.called and one.account == account)
        return None if mtid else next(same, None)

    def _add(self, mtid: str, account: str) -> Terminal:
        if len(self.terminals) >= MOST and not self._forget_one():
            raise ValueError(f"at most {MOST} terminals")
        if not mtid:
            while (mtid := str(self._last + 1)) in self.terminals:
                self._last += 1
            self._last += 1
        self.terminals[mtid] = Terminal(mtid, account, account)
        return self.terminals[mtid]

    def _forget_one(self) -> bool:
        """The list is full: whoever came uncalled and has gone makes room."""
        gone = (m for m, one in self.terminals.items() if not one.called and not one.online)
        return self.terminals.pop(next(gone, ""), None) is not None

    def seat(self, parts: Iterable[Part]) -> list[Terminal]:
        """Make the list say who is there now; return the terminals that have just come."""
        before = {link: one for one in self.terminals.values() for link in one.links}
        was_online = {one.mtid for one in self.online}
        for one in self.terminals.values():
            one.links = set()
        arrived = []
        for person in _persons(parts):
            links = {(part.plugin, part.id) for part in person}
            known = next((before[link] for link in sorted(links) if link in before), None)
            terminal = known or self._match(person[0].display)
            if terminal is None:
                continue
            terminal.links |= links
            if terminal.mtid not in was_online:
                arrived.append(terminal)
            elif (heard := _muted(person)) is not None:
                terminal.mute = heard
        return arrived

    def _match(self, display: str) -> Terminal | None:
        waiting = [one for one in self.terminals.values() if not one.online]
        found = [one for one in waiting if one.is_called(display)]
        if found:
            return max(found, key=lambda one: one.called)
        try:
            terminal = self._add("", display[:128])
        except ValueError:
            return None
        terminal.account = terminal.account or terminal.mtid
        terminal.name = display[:128] or f"Participant {terminal.mtid}"
        return terminal

    def remove(self, mtid: str) -> Terminal | None:
        """Take a terminal off the list."""
        return self.terminals.pop(mtid, None)

    def keep(self) -> Body:
        """For the unit's own restart."""
        fields = ("mtid", "account", "name", "kind", "called", "mute", "silence")
        kept = [
            {name: getattr(one, name) for name in fields} | {"links": sorted(one.links)}
            for one in self.terminals.values()
        ]
        return {"last": self._last, "terminals": kept}

    @classmethod
    def kept(cls, body: Body) -> Roster:
        """What keep() kept."""
        roster = cls()
        roster._last = body["last"]
        for one in body["terminals"]:
            links = {(plugin, who) for plugin, who in one["links"]}
            roster.terminals[one["mtid"]] = Terminal(**(one | {"links": links}))
        return roster


def _persons(parts: Iterable[Part]) -> list[list[Part]]:
    """Connections of one person: the same id, else sound and picture under the same name."""
    by_id: dict[str, list[Part]] = {}
    for part in parts:
        by_id.setdefault(part.id, []).append(part)
    persons = list(by_id.values())
    for sound in [one for one in persons if {part.plugin for part in one} == {AUDIO}]:
        same = [
            one
            for one in persons
            if AUDIO not in {part.plugin for part in one} and one[0].display == sound[0].display
        ]
        for one in same[:1] if sound[0].display else []:
            sound += one
            persons.remove(one)
    return sorted(persons, key=lambda one: one[0].plugin != VIDEO and one[0].plugin != AUDIO)


def _muted(person: list[Part]) -> bool | None:
    return next((part.muted for part in person if part.plugin == AUDIO), None)
