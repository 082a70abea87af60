"""Whatever is said, and whatever the network does: what a device has in the end is what the database says."""

from __future__ import annotations

import random
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import orjson
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from foundation import clock
from foundation.cells.directory import own_platform, redis_of, store_of
from im.conformance.log import DeviceLog, Entry, Picture
from im.data import presence_store
from im.data.membership import MemberCache
from im.flows.process import process
from im.models import Entry as Row
from im.rules.messages import Edit, IncomingRequest, LoggedRequest, React, Read, Recall, Say
from im.rules.routing import publications_of
from im.rules.topology import user_key
from im.rules.vocabulary import Type
from tests.im.http.town import Someone, pushed

HISTORIES, SHORTEST, LONGEST, BATCH = 25, 15, 30, 6
SIGNS = ("+", "-")
LATEST = 3
"""Wishes are about one of the latest entries."""


@dataclass
class Device:
    """A device: the messages that it has received, in their order, and what it makes of them."""

    owner: Someone
    group: str
    log: DeviceLog = field(default_factory=DeviceLog)
    shown: list[int] = field(default_factory=list)
    underway: list[Entry] = field(default_factory=list)

    def arrives(self, seed: int) -> None:
        """Let messages arrive as over a bad network: lost, repeated, and in another order."""
        dice, underway = random.Random(seed), self.underway
        delivered = [entry for entry in underway for _ in range(dice.choice((0, 1, 1, 1, 2)))]
        dice.shuffle(delivered)
        self.underway = []
        self.keep(entry_shown for entry in delivered for entry_shown in self.log.add(entry))

    def keep(self, entries: Iterable[Entry]) -> None:
        """Show these messages on the device."""
        self.shown += [entry["data"]["seq"] for entry in entries]

    def comes_back(self) -> None:
        """Reconnect: drop what was underway, fetch the list, then what is missing."""
        self.underway, more = [], True
        self.keep(self.log.begin(self.owner.shown(self.group)["from_seq"]))
        while more:
            have = {"seqs": {self.group: self.log.last}, "latest": 0, "count": 7}
            answer = self.owner.post("offline", have)
            for part in answer["conversations"]:
                page = (part["from_seq"], part["to_seq"], part["entries"])
                self.keep(self.log.add_page(*page))
            more = answer["more"]

    def fetches(self) -> None:
        """Fetch the page that fills a hole."""
        if self.log.has_gap:
            answer = self.owner.get(f"conversations/{self.group}/messages?after={self.log.last}")
            self.keep(self.log.add_page(answer["from_seq"], answer["to_seq"], answer["entries"]))

    def picture(self, floor: int) -> Picture:
        """Return what the owner sees on the device."""
        picture = Picture()
        for seq, entry in self.log.entries.items():
            if seq > floor:
                picture.show(entry)
        return picture


class World:
    """A group, its people with two devices each, and a center that remembers its members."""

    def __init__(self, people: list[Someone]) -> None:
        self.people, self.memory = people, MemberCache()
        redis_of(own_platform()).flushdb()  # else the rate of new groups would be too high
        for person in people:
            presence_store.record_device(person.id, "d", "a", time.time())
        self.group = people[0].founds(*people[1:])
        pushed()
        self.devices = [Device(person, self.group) for person in people for _ in range(2)]
        self.marks: list[IncomingRequest] = []

    @property
    def top(self) -> int:
        """Return the last seq of the log."""
        return int(self.people[0].shown(self.group)["last_seq"])

    def batch(self, wishes: list[tuple[int, str, int]]) -> None:
        """Handle a batch as a center does."""
        top = self.top
        requests = [self._incoming(who, what, max(1, top - back)) for who, what, back in wishes]
        self.marks = [*self.marks, *requests][-LATEST:]
        now = clock.now()
        outcome = process(store_of(own_platform()), self.memory, requests, now)
        ways = presence_store.protocols_of_online(outcome.people, now.timestamp())
        for push in publications_of(outcome, ways):
            self.sent({push.key, *push.bcc}, orjson.loads(push.body))

    def _incoming(self, who: int, what: str, seq: int) -> IncomingRequest:
        if what == "again" and self.marks:
            return self.marks[seq % len(self.marks)]
        sender, mark = self.people[who], f"m-{random.getrandbits(64):x}"
        return IncomingRequest(sender.id, "", _wish(int(self.group), what, seq), mark)

    def member(self, who: int, what: str) -> None:
        """Add or remove a member; the owner stays."""
        owner, person = self.people[0], self.people[1 + who % (len(self.people) - 1)]
        if what == "join":
            owner.post(f"conversations/{self.group}/members", {"users": [person.id]})
        else:
            by = person if what == "leave" else owner
            by.delete(f"conversations/{self.group}/members/{person.id}")
        for key, said, more in pushed():
            self.sent({key, *more}, said)

    def sent(self, keys: set[str], said: Entry) -> None:
        """Pass a push to the devices of the people whose keys are named."""
        if "seq" in said["data"] and said["cmd"] != "msg_ack":
            for device in self.devices:
                if user_key(device.owner.id) in keys:
                    device.underway.append(said)

    # ---- what the database says ---------------------------------------------------------------

    def rows(self, floor: int, top: int) -> list[Row]:
        """Return the log as it is stored."""
        rows = Row.objects.filter(conversation=int(self.group), seq__gt=floor, seq__lte=top)
        return list(rows.order_by("seq"))


def _wish(number: int, what: str, seq: int) -> LoggedRequest:
    match what:
        case "edit":
            return Edit(number, seq, f"edited {random.getrandbits(20)}")
        case "recall":
            return Recall(number, seq)
        case "react" | "unreact":
            return React(number, seq, SIGNS[seq % 2], what == "react")
        case "read":
            return Read(number, seq)
    return Say(number, Type.TEXT, f"said {random.getrandbits(20)}")


def stored(rows: list[Row]) -> dict[int, dict[str, Any]]:
    """Return the messages as the tables have them."""
    messages: dict[int, dict[str, Any]] = {}
    for row in rows:
        if row.cmd == "msg":
            gone, text = row.recalled_seq is not None, row.body
            edited = row.edited_seq or 0
            messages[row.seq] = {"by": row.sender, "text": text, "edited": edited, "gone": gone}
            messages[row.seq]["signs"] = set()
        elif row.cmd == "react":
            data = row.data or {}
            about = int(data["msg_id"].partition(".")[2])
            if about in messages:
                signs, sign = messages[about]["signs"], (row.sender, data["emoji"])
                (signs.add if data["on"] else signs.discard)(sign)
    return {seq: _without_recalled(message) for seq, message in messages.items()}


def _as_of_leaving(
    messages: dict[int, dict[str, Any]], rows: list[Row], top: int
) -> dict[int, dict[str, Any]]:
    """Leave out how messages were changed after a person had left."""
    changed = {row.seq: max(row.edited_seq or 0, row.recalled_seq or 0) for row in rows}
    return {seq: message for seq, message in messages.items() if changed[seq] <= top}


def _without_recalled(message: dict[str, Any]) -> dict[str, Any]:
    """Hide the content of messages that were recalled."""
    return {**message, "text": "", "edited": 0} if message["gone"] else message


WHO = st.integers(0, 2)
WISHES = ("msg", "msg", "msg", "edit", "recall", "react", "unreact", "read", "again")
ONE = st.tuples(WHO, st.sampled_from(WISHES), st.integers(0, LATEST))
STEPS = st.one_of(
    st.tuples(st.just("batch"), st.lists(ONE, min_size=1, max_size=BATCH)),
    st.tuples(st.just("member"), st.tuples(WHO, st.sampled_from(("join", "leave", "remove")))),
    st.tuples(st.just("arrives"), st.tuples(st.integers(0, 5), st.integers(0, 2**16))),
    st.tuples(st.sampled_from(("comes_back", "fetches")), st.tuples(st.integers(0, 5))),
)


@settings(
    max_examples=HISTORIES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(history=st.lists(STEPS, min_size=SHORTEST, max_size=LONGEST), end=st.integers(0, 2**16))
def test_every_device_has_in_the_end_what_the_database_says(
    anna: Someone, ben: Someone, cara: Someone, history: list[tuple[str, Any]], end: int
) -> None:
    world = World([anna, ben, cara])
    for what, about in history:
        if what == "batch":
            world.batch(about)
        elif what == "member":
            world.member(*about)
        else:
            getattr(world.devices[about[0]], what)(*about[1:])
    rows = world.rows(0, world.top)
    assert [row.seq for row in rows] == [*range(1, len(rows) + 1)]
    for device in world.devices:
        device.arrives(end)
        device.comes_back()
        _is_true(world, device)


def _is_true(world: World, device: Device) -> None:
    shown = device.owner.shown(world.group)
    floor, top = shown["from_seq"], shown["last_seq"]
    rows, picture = world.rows(floor, top), device.picture(floor)
    assert [seq for seq in device.shown if seq > floor] == [row.seq for row in rows]
    pictured = {seq: _without_recalled(message) for seq, message in picture.messages.items()}
    assert _as_of_leaving(pictured, rows, top) == _as_of_leaving(stored(rows), rows, top)
    reads = [(row.sender, row.data or {}) for row in rows if row.cmd == "read"]
    assert picture.read == {user: data["read_seq"] for user, data in reads}
    if shown["state"] == "active":
        unread = sum(row.cmd == "msg" and row.seq > shown["read_seq"] for row in rows)
        assert shown["unread"] == unread
