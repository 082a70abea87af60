"""Search in one's own conversations, newest first. Read-only.

The index (`Gram`, filled by `flows.index`) gives candidates, in windows that reach further and further
back; each is looked at before it is shown: whether it still says so, is not taken back, and is
for this person to see.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from typing import Any, NamedTuple

from prometheus_client.core import GaugeMetricFamily

from foundation.cells import sql
from foundation.cells.directory import look_up, possible_platforms
from im.data import journal
from im.rules.bigrams import (
    GramLookup,
    Query,
    contains_all,
    normalize,
    place_distance,
    place_of,
    seq_of,
)
from im.rules.conversation_decisions import VisibleRange
from im.rules.messages import StoredEntry

DAYS = (8, 64)
"""How far back one looks for what is common first, then; and then everywhere."""
COMMON = 2000
"""So far the entries of each part are counted: the rarest leads, and is looked for everywhere at once
unless it has more."""
AT_ONCE = 100
LOOKED_AT = 2000
"""Candidates that one question may cost; what is further back the next one finds."""
_LAST = "\U0010ffff"
EVER = 1 << 62

_LEADER = (
    " FROM im_gram d WHERE d.conversation_id IN ({mine}) AND d.gram {is_it}"
    " AND d.place BETWEEN %s AND %s"
)
_OTHER = (
    " AND EXISTS (SELECT 1 FROM im_gram g WHERE g.conversation_id=d.conversation_id"
    " AND g.gram=%s AND g.place=d.place)"
)
_BEFORE = (
    " AND (d.place < %s OR d.conversation_id < %s)"
    f" ORDER BY d.place DESC, d.conversation_id DESC LIMIT {AT_ONCE}"
)


class Point(NamedTuple):
    """Before what one looks: a place, and there the conversations with a lesser id."""

    place: int
    conversation: int


@dataclass(frozen=True, slots=True)
class Ask:
    """Whose search it is, for what, and what of each conversation this person sees."""

    user: str
    query: Query
    sights: Mapping[int, VisibleRange]

    @property
    def mine(self) -> str:
        """The conversations, as SQL has them."""
        return ", ".join(map(str, sorted(self.sights)))


@dataclass(frozen=True, slots=True)
class Page:
    """What was found, newest first; `before`: from where to look further, None: that is all."""

    found: list[StoredEntry]
    before: Point | None


def find(database: str, ask: Ask, before: Point | None, count: int, now: datetime) -> Page:
    """The newest messages before a point that have what is asked."""
    start = before or Point(place_of(now.timestamp() + 86400, 0), 0)
    parts, is_common = (
        _leader_first(database, ask) if ask.query.parts and ask.sights else ([], False)
    )
    hits: list[tuple[Point, StoredEntry]] = []
    looked_at = 0
    windows = DAYS if is_common else ()
    for points in _candidates(database, ask, parts, start, windows) if parts else ():
        hits += sorted(_looked_at(database, ask, points), key=itemgetter(0), reverse=True)
        looked_at += len(points)
        if len(hits) > count:
            return Page([entry for _, entry in hits[:count]], hits[count - 1][0])
        if looked_at >= LOOKED_AT:
            return Page([entry for _, entry in hits], points[-1])
    return Page([entry for _, entry in hits], None)


def _leader_first(database: str, ask: Ask) -> tuple[list[GramLookup], bool]:
    """The parts, the rarest first, and whether it is common; none: one of them is nowhere."""
    parts = ask.query.parts
    queries, values = [], list[Any]()
    for part in parts:
        leader, bounds = _led_by(ask, part, 0, EVER)
        queries.append(f"SELECT COUNT(*) FROM (SELECT 1{leader} LIMIT {COMMON}) few")
        values += bounds
    counts = [row[0] for row in sql.select(database, " UNION ALL ".join(queries), values)]
    order = sorted(range(len(parts)), key=lambda at: (counts[at], parts[at].is_prefix))
    return [] if 0 in counts else [parts[at] for at in order], min(counts) == COMMON


def _led_by(ask: Ask, part: GramLookup, low: int, high: int) -> tuple[str, list[Any]]:
    """The messages of these conversations that have a part, between two places."""
    if part.is_prefix:
        leader = _LEADER.format(mine=ask.mine, is_it="BETWEEN %s AND %s")
        return leader, [part.gram, part.gram + _LAST, low, high]
    return _LEADER.format(mine=ask.mine, is_it="= %s"), [part.gram, low, high]


def _candidates(
    database: str, ask: Ask, parts: list[GramLookup], start: Point, windows: Sequence[int]
) -> Iterator[list[Point]]:
    """Where all parts are, from the start back, a few at a time."""
    leader, *others = parts
    exact = [one.gram for one in others if not one.is_prefix]
    newest = start.place
    for low in (*(max(newest - place_distance(one), 0) for one in windows), 0):
        while start.place >= low:
            led, bounds = _led_by(ask, leader, low, start.place)
            query = f"SELECT DISTINCT d.place, d.conversation_id{led}{_OTHER * len(exact)}{_BEFORE}"
            rows = sql.select(database, query, [*bounds, *exact, *start])
            points = [Point(*row) for row in rows]
            if points:
                yield points
            start = points[-1] if len(points) == AT_ONCE else Point(low - 1, EVER)


def _looked_at(database: str, ask: Ask, points: list[Point]) -> list[tuple[Point, StoredEntry]]:
    """Those that this person sees, has not deleted for himself, and that still have what is asked."""
    by_place = {(one.conversation, seq_of(one.place)): one for one in points}
    seen = {
        (number, seq)
        for number, seq in by_place
        if ask.sights[number].floor < seq <= ask.sights[number].top
    }
    numbers = sorted({number for number, _ in seen})
    entries = journal.entries(database, ("conversation_id", "seq"), sorted(seen))
    hidden = _hidden(database, ask.user, numbers)
    return [
        (by_place[one.conversation, one.seq], one)
        for one in entries
        if one.recalled_seq is None
        and (one.conversation, one.seq) not in hidden
        and contains_all(normalize(one.body), ask.query.terms)
    ]


def _hidden(database: str, user: str, numbers: list[int]) -> set[tuple[int, int]]:
    if not numbers:
        return set()
    query = (
        "SELECT conversation_id, seq FROM im_hidden WHERE user=%s"
        f" AND conversation_id IN ({sql.marks(numbers)})"
    )
    return {(row[0], row[1]) for row in sql.select(database, query, [user, *numbers])}


def gauges() -> Iterator[GaugeMetricFamily]:
    """Yield for Prometheus how many conversations have entries that the index lacks."""
    query = "SELECT COUNT(*) FROM im_conversation WHERE to_index=1"
    behind = sum(
        row[0] for platform in possible_platforms() for row in look_up(platform, query, [])
    )
    yield GaugeMetricFamily(
        "im_index_behind", "Conversations with entries that are not indexed yet", behind
    )
