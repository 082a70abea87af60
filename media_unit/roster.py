"""The roster is the list of a conference's terminals, with ids that outlast their connections. Pure.

A terminal is a participant's device; it may have several connections to Janus.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from foundation.bus.message import Body
from media_unit.gate_rules import AUDIO, TEXT, VIDEO
from wire import fields

MOST_TERMINALS = 500
"""The protocol's limit for one list."""

_LENGTH_OF_PAGE_ID, _LENGTH_OF_VISITOR_ID = 24, 16
"""Characters of the id of a join page's connections; the first 16 are the same for all visits by one browser."""

_EXTRA = ("protocol", "account_type", "bitrate")
"""Fields of a called terminal that are kept in `Terminal.extra`."""


@dataclass(frozen=True, slots=True)
class JanusConnection:
    """Represent a connection of a participant to the Janus room of one plugin: sound, video or text."""

    plugin: str
    id: str
    display: str
    muted: bool = False
    sends: bool = True


@dataclass(slots=True)
class Terminal:
    """A terminal is a participant's device that was called, or has joined by itself.

    `links` are its connections to Janus: (plugin, id).
    """

    mtid: str
    account: str
    name: str
    kind: str = "user"
    called: bool = False
    mute: bool = False
    silence: bool = False
    links: set[tuple[str, str]] = field(default_factory=set)
    shares: bool = False
    """The terminal shares its screen."""
    extra: Body = field(default_factory=dict)
    """Fields that the unit does not need, and reports as the call request gave them."""

    @property
    def online(self) -> bool:
        """Return whether the terminal has a connection to Janus."""
        return bool(self.links)

    def is_called(self, display: str) -> bool:
        """Return whether a name is this terminal's name or account, upper and lower case aside.

        False for an empty one.
        """
        given_name = display.strip().casefold()
        return bool(given_name) and given_name in (
            self.account.casefold(),
            self.name.strip().casefold(),
        )

    @property
    def visitor(self) -> str:
        """Return the id of the browser that a participant came with, the first part of its connection ids; "" for none.

        A browser keeps it over all its visits. With several browsers the result is always the same one. The ids in the
        text room count for nothing, as nobody checks under which id somebody enters there.
        """
        ids = {
            link_id
            for plugin, link_id in self.links
            if plugin != TEXT and len(link_id) == _LENGTH_OF_PAGE_ID
        }
        return min(ids)[:_LENGTH_OF_VISITOR_ID] if ids else ""

    def has_id(self, participant: str) -> bool:
        """Return whether a connection of the terminal has this participant id at Janus."""
        return any(link_id == participant for _, link_id in self.links)

    def id_in(self, plugin: str) -> str:
        """Return the terminal's participant id in the Janus room of a plugin; "" if it is not there."""
        return next(
            (link_id for link_plugin, link_id in sorted(self.links) if link_plugin == plugin), ""
        )

    def as_message_field(self) -> fields.Terminal:
        """Return the terminal in the form in which messages of the protocol list terminals."""
        return fields.Terminal(
            mtid=self.mtid,
            account=self.account,
            name=self.name,
            type=self.kind,
            online=fields.flag(self.online),
            mute=fields.flag(self.mute),
            silence=fields.flag(self.silence),
            visitor=self.visitor or None,
            dual=1 if self.shares else None,
            extra=self.extra,
        )


class Roster:
    """The terminals of one conference, in the order in which they were called or joined."""

    def __init__(self) -> None:
        """Begin without terminals."""
        self.terminals: dict[str, Terminal] = {}
        """Terminal id (`mtid`) -> terminal."""
        self._last = 0
        """The highest number that was given as an id."""
        self._expected: dict[tuple[str, str], str] = {}
        """Connection (plugin, id) of a telephone that is coming -> its terminal id."""
        self._sharing: set[str] = set()
        """The participants, by their ids in the video room, who send a screen."""

    @property
    def mts(self) -> tuple[fields.Terminal, ...]:
        """Return all terminals of the conference in the form in which messages of the protocol list them."""
        return tuple(terminal.as_message_field() for terminal in self.terminals.values())

    @property
    def online(self) -> list[Terminal]:
        """Return the conference's terminals that have a connection to Janus."""
        return [terminal for terminal in self.terminals.values() if terminal.online]

    def add_called(self, invited: Iterable[fields.Terminal]) -> list[str]:
        """Add terminals that were called, so are expected to join, or update listed ones; return their ids.

        Raises ValueError when the list is full.
        """
        mtids = []
        for entry in invited:
            account = (entry.account or entry.mtid or "")[:128]
            terminal = self._find_terminal(entry.mtid or "", account)
            if terminal is None:
                terminal = self._add_terminal(entry.mtid or "", account)
            terminal.name = (entry.name or account)[:128]
            terminal.kind = (entry.type or terminal.kind)[:16]
            terminal.called = True
            terminal.extra = {name: entry.extra[name] for name in _EXTRA if name in entry.extra}
            terminal.mute = bool(terminal.mute if entry.mute is None else entry.mute)
            terminal.silence = bool(terminal.silence if entry.silence is None else entry.silence)
            mtids.append(terminal.mtid)
        return mtids

    def _find_terminal(self, mtid: str, account: str) -> Terminal | None:
        """Return the terminal with this id; without an id the called one with this account, or `None`."""
        if mtid in self.terminals:
            return self.terminals[mtid]
        same = (
            terminal
            for terminal in self.terminals.values()
            if terminal.called and terminal.account == account
        )
        return None if mtid else next(same, None)

    def _add_terminal(self, mtid: str, account: str) -> Terminal:
        """Add and return a terminal, with the next free id if `mtid` is "". Raises ValueError when the list is full."""
        if len(self.terminals) >= MOST_TERMINALS and not self._forget_uncalled():
            raise ValueError(f"at most {MOST_TERMINALS} terminals")
        if not mtid:
            while (mtid := str(self._last + 1)) in self.terminals:
                self._last += 1
            self._last += 1
        self.terminals[mtid] = Terminal(mtid, account, account)
        return self.terminals[mtid]

    def _forget_uncalled(self) -> bool:
        """Remove one terminal that joined uncalled and has left, to make room; return whether there was one."""
        uncalled = (
            mtid
            for mtid, terminal in self.terminals.items()
            if not terminal.called and not terminal.online
        )
        return self.terminals.pop(next(uncalled, ""), None) is not None

    def update(self, connections: Iterable[JanusConnection]) -> list[Terminal]:
        """Update which terminals are online and muted, from Janus's connections; return those that have just joined.

        A connection belongs to the terminal that had it before, else to one with its name; without one, a terminal
        is added.
        """
        before = {link: terminal for terminal in self.terminals.values() for link in terminal.links}
        was_online = {terminal.mtid for terminal in self.online}
        for listed in self.terminals.values():
            listed.links = set()
        connections = list(connections)
        self._sharing &= {connection.id for connection in connections if connection.plugin == VIDEO}
        arrived = []
        for person in _group_by_person(connections):
            links = {(connection.plugin, connection.id) for connection in person}
            same = next((before[link] for link in sorted(links) if link in before), None)
            terminal = (
                same or self._expected_terminal(links) or self._match_or_add(person[0].display)
            )
            if terminal is None:
                continue
            terminal.links |= links
            if terminal.mtid not in was_online:
                arrived.append(terminal)
            elif (is_muted := _is_muted(person)) is not None:
                terminal.mute = is_muted
        self._mark_sharers()
        return arrived

    def _expected_terminal(self, links: Iterable[tuple[str, str]]) -> Terminal | None:
        """Return the terminal of a telephone that comes by one of these connections; `None` if none is expected."""
        mtids = [mtid for link in links if (mtid := self._expected.pop(link, ""))]
        return self.terminals.get(mtids[0]) if mtids else None

    def _mark_sharers(self) -> None:
        """Note at each terminal whether one of its connections sends a screen."""
        links = {(VIDEO, participant) for participant in self._sharing}
        for terminal in self.terminals.values():
            terminal.shares = not links.isdisjoint(terminal.links)

    def expect(self, mtid: str, account: str, name: str, link: tuple[str, str]) -> None:
        """Add a telephone, or find it under its id, and note by which connection (plugin, id) it comes.

        Raises ValueError when the list is full.
        """
        terminal = self.terminals.get(mtid) or self._add_terminal(mtid, account)
        if not terminal.called:
            terminal.account, terminal.name, terminal.kind = account[:128], name[:128], "e164"
        self._expected[link] = mtid

    def note_sharing(self, participant: str, shares: bool) -> None:
        """Note whether a participant of the video room sends a screen; `update` then marks the terminal."""
        (self._sharing.add if shares else self._sharing.discard)(participant)

    def _match_or_add(self, display: str) -> Terminal | None:
        """Return the terminal for somebody who joins as `display`: an offline one of that name, else a new one.

        `None` means that the list of terminals is full.
        """
        waiting = [terminal for terminal in self.terminals.values() if not terminal.online]
        matching = [terminal for terminal in waiting if terminal.is_called(display)]
        if matching:
            return max(matching, key=lambda terminal: terminal.called)
        try:
            terminal = self._add_terminal("", display[:128])
        except ValueError:
            return None
        terminal.account = terminal.account or terminal.mtid
        terminal.name = display[:128] or f"Participant {terminal.mtid}"
        return terminal

    def remove(self, mtid: str) -> Terminal | None:
        """Remove a terminal from the list and return it; `None` if there is none of this id."""
        return self.terminals.pop(mtid, None)

    def to_stored(self) -> Body:
        """Return the list of terminals as the JSON object that the unit's state file stores."""
        names = ("mtid", "account", "name", "kind", "called", "mute", "silence", "extra")
        stored = [
            {name: getattr(terminal, name) for name in names} | {"links": sorted(terminal.links)}
            for terminal in self.terminals.values()
        ]
        return {"last": self._last, "terminals": stored, "sharing": sorted(self._sharing)}

    @classmethod
    def from_stored(cls, body: Body) -> Roster:
        """Return the list of terminals from a JSON object that `to_stored` has returned."""
        roster = cls()
        roster._last = body["last"]
        roster._sharing = set(body.get("sharing", ()))  # an earlier version did not store it
        for row in body["terminals"]:
            links = {(plugin, participant) for plugin, participant in row["links"]}
            roster.terminals[row["mtid"]] = Terminal(**(row | {"links": links}))
        roster._mark_sharers()
        return roster


def _group_by_person(connections: Iterable[JanusConnection]) -> list[list[JanusConnection]]:
    """Return connections grouped by person: those with the same id, else sound and video under the same name.

    People with sound or video come before those with text alone.
    """
    by_id: dict[str, list[JanusConnection]] = {}
    for connection in connections:
        by_id.setdefault(connection.id, []).append(connection)
    persons = list(by_id.values())
    # A person may have one id for sound and another for video; then only the name says that they belong together.
    for sound in [
        person for person in persons if {connection.plugin for connection in person} == {AUDIO}
    ]:
        same = [
            person
            for person in persons
            if AUDIO not in {connection.plugin for connection in person}
            and person[0].display == sound[0].display
            and not _is_page(sound[0], person[0])
        ]
        for person in same[:1] if sound[0].display else []:
            sound += person
            persons.remove(person)
    return sorted(
        persons, key=lambda person: person[0].plugin != VIDEO and person[0].plugin != AUDIO
    )


def _is_page(*connections: JanusConnection) -> bool:
    """Return whether these connections are those of join pages, each of which has one id for sound and pictures."""
    return all(len(connection.id) == _LENGTH_OF_PAGE_ID for connection in connections)


def _is_muted(person: list[JanusConnection]) -> bool | None:
    """Return whether the mixer has muted a person; `None` if the person has no connection to the mixer."""
    return next((connection.muted for connection in person if connection.plugin == AUDIO), None)
