"""Keep the search index up with the logs: what was said since it was looked at last.

A conversation whose log has come further than the index says so itself (`to_index`), so that a run
costs what there is to do. Entries only come into the index: what an edit or a recall has made untrue
there, the search finds out when it looks at the message.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from datetime import UTC

from django.db import transaction

from foundation.cells import sql
from foundation.cells.directory import store_of
from foundation.cells.serving import is_served_here
from im.rules.bigrams import grams, place_of

AT_ONCE = 200
"""Conversations of one transaction."""
ENTRIES = 500
"""Entries of one of them: a long backlog is done in several turns, beside the others."""
TOGETHER = 2000
"""Entries of one transaction, about: while it lasts the platform is not given away."""
SECONDS = 0.8
"""A run ends then; the next one goes on."""

_BEHIND = (
    "SELECT id, searched_seq, LEAST(last_seq, searched_seq + %s) FROM im_conversation"
    " WHERE to_index=1 ORDER BY id LIMIT %s"
)
_NEW = (
    "SELECT conversation_id, IF(cmd='edit', SUBSTRING_INDEX(JSON_VALUE(data, '$.msg_id'), '.', -1), seq)"
    " FROM im_entry WHERE conversation_id=%s AND seq>%s AND seq<=%s AND cmd IN ('msg', 'edit')"
)
_TEXT = (
    "SELECT conversation_id, seq, sent_at, body FROM im_entry"
    " WHERE (conversation_id, seq) IN ({marks}) AND body<>'' AND recalled_seq IS NULL"
)

Behind = tuple[int, int, int]
"""A conversation, and the entries that are not in the index yet: above which seq, up to which."""


def keep_up(platform: str) -> int:
    """Take into the index what is new, as far as the time goes; how many entries were looked at."""
    end, done = time.monotonic() + SECONDS, 0
    while time.monotonic() < end:
        some = _some(platform)
        done += some
        if not some:
            break
    return done


def _some(platform: str) -> int:
    store = store_of(platform)
    with transaction.atomic(using=store.database):
        if not is_served_here(platform, lock=True):
            return 0
        behind = _first(sql.select(store.database, _BEHIND, [ENTRIES, AT_ONCE]))
        if behind:
            _add(store.database, behind)
            _note(store.database, behind)
    return sum(upto - above for _, above, upto in behind)


def _first(behind: Sequence[tuple[int, ...]]) -> list[Behind]:
    """As many as belong into one transaction."""
    found, entries = list[Behind](), 0
    for number, above, upto in behind:
        if entries < TOGETHER:
            found.append((number, above, upto))
            entries += upto - above
    return found


def _add(database: str, behind: Sequence[Behind]) -> None:
    query = " UNION ".join([f"({_NEW})"] * len(behind))
    new = sql.select(database, query, [value for one in behind for value in one])
    rows = sorted(row for some in _texts(database, new) for row in some)
    with sql.cursor_of(database) as cursor:
        cursor.executemany(
            "INSERT IGNORE INTO im_gram (conversation_id, gram, place) VALUES (%s, %s, %s)", rows
        )


def _texts(
    database: str, points: Sequence[tuple[int, int]]
) -> Iterable[list[tuple[int, str, int]]]:
    if not points:
        return
    query = _TEXT.format(marks=", ".join(["(%s, %s)"] * len(points)))
    values = [int(value) for point in points for value in point]
    for number, seq, sent_at, body in sql.select(database, query, values):
        at = place_of(sent_at.replace(tzinfo=UTC).timestamp(), seq)
        yield [(number, gram, at) for gram in grams(body)]


def _note(database: str, behind: Sequence[Behind]) -> None:
    """Two who run at once have done the same."""
    ids = ", ".join(str(number) for number, _, _ in behind)
    upto = ", ".join(str(seq) for _, _, seq in behind)
    query = (
        "UPDATE im_conversation SET searched_seq="
        f"GREATEST(searched_seq, CAST(ELT(FIELD(id, {ids}), {upto}) AS SIGNED)) WHERE id IN ({ids})"
    )
    sql.execute(database, query)
