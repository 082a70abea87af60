"""The search in a person's own conversations, which returns the newest messages first. It only reads.

The index (`Gram`, filled by `flows.index`) gives candidates, in time windows that reach further and
further back. Each candidate is checked before it is shown: whether its text still matches, whether
it was recalled, and whether this person may see it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from typing import NamedTuple

from prometheus_client.core import GaugeMetricFamily

from foundation.cells import sql
from foundation.cells.directory import look_up, possible_platforms
from im.data import journal
from im.rules.bigrams import (
    GramLookup,
    Query,
    contains_all,
    normalize,
    place_difference,
    place_of,
    seq_of,
)
from im.rules.conversation_decisions import VisibleRange
from im.rules.messages import StoredEntry

WINDOW_DAYS = (8, 64)
"""For common terms the first windows reach back this many days, the last to the start."""
COMMON_ENTRIES = 2000
"""The entries of each term are counted up to this number.

The rarest term leads the search. It is searched without windows unless it has more entries than
this.
"""
BATCH = 100
MAX_CHECKED = 2000
"""One search checks at most this many candidates; the next page continues from there."""
_LAST = "\U0010ffff"
HIGHEST = 1 << 62
"""A number above every place and every conversation id."""

_RAREST = (
    " FROM im_gram d WHERE d.conversation_id IN ({mine}) AND d.gram {is_it}"
    " AND d.place BETWEEN %s AND %s"
)
_OTHER = (
    " AND EXISTS (SELECT 1 FROM im_gram g WHERE g.conversation_id=d.conversation_id"
    " AND g.gram=%s AND g.place=d.place)"
)
_BEFORE = (
    " AND (d.place < %s OR d.conversation_id < %s)"
    f" ORDER BY d.place DESC, d.conversation_id DESC LIMIT {BATCH}"
)


class SearchPosition(NamedTuple):
    """Represent a position in the search results, from which the next page continues.

    The next results have a lesser place, or a lesser conversation id at the same place.
    """

    place: int
    conversation: int


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """Represent a search of a person in all conversations.

    `visible_ranges`: conversation id -> the part of its log that the person sees.
    """

    user: str
    query: Query
    visible_ranges: Mapping[int, VisibleRange]

    @property
    def conversation_ids(self) -> str:
        """Return the ids of the conversations that the person sees, joined by commas for an SQL `IN`."""
        return ", ".join(map(str, sorted(self.visible_ranges)))


@dataclass(frozen=True, slots=True)
class SearchPage:
    """Represent a page of found messages, newest first.

    `before` is the position at which the next page begins; `None` means that this is all.
    """

    entries: list[StoredEntry]
    before: SearchPosition | None


def find_messages(
    database: str, request: SearchRequest, before: SearchPosition | None, count: int, now: datetime
) -> SearchPage:
    """Return a page of at most `count` messages that match a search, newest first.

    It begins at the position `before` of the last page, or with the newest message (`None`).
    """
    # From tomorrow on backward, so that no message is missed whose sender's clock is a little ahead.
    start = before or SearchPosition(place_of(now.timestamp() + 86400, 0), 0)
    parts, is_common = (
        _rarest_first(database, request)
        if request.query.parts and request.visible_ranges
        else ([], False)
    )
    hits: list[tuple[SearchPosition, StoredEntry]] = []
    checked_count = 0
    windows = WINDOW_DAYS if is_common else ()
    for points in _candidates(database, request, parts, start, windows) if parts else ():
        hits += sorted(_visible_matches(database, request, points), key=itemgetter(0), reverse=True)
        checked_count += len(points)
        if len(hits) > count:
            return SearchPage([entry for _, entry in hits[:count]], hits[count - 1][0])
        if checked_count >= MAX_CHECKED:
            return SearchPage([entry for _, entry in hits], points[-1])
    return SearchPage([entry for _, entry in hits], None)


def _rarest_first(database: str, request: SearchRequest) -> tuple[list[GramLookup], bool]:
    """Return the index lookups of a search, the rarest first, and whether even the rarest is common.

    An empty list means that one of the lookups finds nothing, so no message can match.
    """
    parts = request.query.parts
    queries, values = [], list[object]()
    for part in parts:
        rarest, bounds = _lookup_sql(request, part, 0, HIGHEST)
        queries.append(f"SELECT COUNT(*) FROM (SELECT 1{rarest} LIMIT {COMMON_ENTRIES}) few")
        values += bounds
    counts = [row[0] for row in sql.select(database, " UNION ALL ".join(queries), values)]
    order = sorted(range(len(parts)), key=lambda index: (counts[index], parts[index].is_prefix))
    return [] if 0 in counts else [parts[index] for index in order], min(counts) == COMMON_ENTRIES


def _lookup_sql(
    request: SearchRequest, part: GramLookup, low: int, high: int
) -> tuple[str, list[object]]:
    """Return SQL and its values that select the messages which one lookup in the search index finds.

    They lie between the places `low` and `high`; a place is a message's position in time (see `place_of`).
    """
    if part.is_prefix:
        rarest = _RAREST.format(mine=request.conversation_ids, is_it="BETWEEN %s AND %s")
        return rarest, [part.gram, part.gram + _LAST, low, high]
    return _RAREST.format(mine=request.conversation_ids, is_it="= %s"), [part.gram, low, high]


def _candidates(
    database: str,
    request: SearchRequest,
    parts: list[GramLookup],
    start: SearchPosition,
    windows: Sequence[int],
) -> Iterator[list[SearchPosition]]:
    """Yield the positions of messages that the rarest and all exact lookups find, newest first, BATCH at a time.

    `parts` are the lookups, the rarest one first: its index entries are read, and the
    others are looked up for each. `windows` are the days back from `start` that the first queries
    cover; the last query covers all the time before.
    """
    rarest, *others = parts
    exact = [item.gram for item in others if not item.is_prefix]
    newest = start.place
    for low in (*(max(newest - place_difference(item), 0) for item in windows), 0):
        while start.place >= low:
            leader_query, bounds = _lookup_sql(request, rarest, low, start.place)
            query = f"SELECT DISTINCT d.place, d.conversation_id{leader_query}{_OTHER * len(exact)}{_BEFORE}"
            rows = sql.select(database, query, [*bounds, *exact, *start])
            points = [SearchPosition(*row) for row in rows]
            if points:
                yield points
            start = points[-1] if len(points) == BATCH else SearchPosition(low - 1, HIGHEST)


def _visible_matches(
    database: str, request: SearchRequest, points: list[SearchPosition]
) -> list[tuple[SearchPosition, StoredEntry]]:
    """Return those messages at these positions that the person sees and has not deleted, and whose text matches."""
    by_place = {(item.conversation, seq_of(item.place)): item for item in points}
    visible = {
        (number, seq)
        for number, seq in by_place
        if request.visible_ranges[number].floor < seq <= request.visible_ranges[number].top
    }
    numbers = sorted({number for number, _ in visible})
    entries = journal.entries_with(database, ("conversation_id", "seq"), sorted(visible))
    hidden = _deleted_entries(database, request.user, numbers)
    return [
        (by_place[item.conversation, item.seq], item)
        for item in entries
        if item.recalled_seq is None
        and (item.conversation, item.seq) not in hidden
        and contains_all(normalize(item.body), request.query.terms)
    ]


def _deleted_entries(database: str, user: str, numbers: list[int]) -> set[tuple[int, int]]:
    """Return (conversation, seq) of the entries that the person has deleted in these conversations."""
    if not numbers:
        return set()
    query = (
        "SELECT conversation_id, seq FROM im_hidden WHERE user=%s"
        f" AND conversation_id IN ({sql.marks(numbers)})"
    )
    return {(row[0], row[1]) for row in sql.select(database, query, [user, *numbers])}


def gauges() -> Iterator[GaugeMetricFamily]:
    """Yield, for Prometheus, how many conversations have entries that are not in the search index yet."""
    query = "SELECT COUNT(*) FROM im_conversation WHERE to_index=1"
    count = sum(row[0] for platform in possible_platforms() for row in look_up(platform, query, []))
    yield GaugeMetricFamily(
        "im_index_behind", "Conversations with entries that are not indexed yet", count
    )
