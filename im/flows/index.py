"""The timer's job that adds the entries of logs that are new since its last run to the search index.

A conversation whose log is ahead of the index says so itself (`to_index`), so a run costs only what
there is to do. Index entries are only added. What an edit or a recall has made outdated, the search
notices when it checks the message.
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
"""A transaction handles at most this many conversations."""
ENTRIES_OF_CONVERSATION = 500
"""A transaction handles at most this many entries of a conversation, so that no backlog holds up others."""
ENTRIES_TOGETHER = 2000
"""A transaction handles about this many entries; while it runs no other site can take over the platform."""
SECONDS = 0.8
"""A run ends after this time, and the next one goes on."""

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
"""A conversation and its entries that are not indexed yet: above which seq, up to which."""


def index_new_entries(platform: str) -> int:
    """Add new messages to a platform's search index during at most SECONDS; return how many log entries were read."""
    if not sql.select(store_of(platform).database, _BEHIND, [ENTRIES_OF_CONVERSATION, 1]):
        return 0
    end, total = time.monotonic() + SECONDS, 0
    while time.monotonic() < end:
        count = _index_batch(platform)
        total += count
        if not count:
            break
    return total


def _index_batch(platform: str) -> int:
    """Add one batch of log entries to the search index; return how many.

    It is 0 if nothing is left, or if this site does not take requests for the platform.
    """
    store = store_of(platform)
    with transaction.atomic(using=store.database):
        if not is_served_here(platform, lock=True):
            return 0
        behind = _first_that_fit(
            sql.select(store.database, _BEHIND, [ENTRIES_OF_CONVERSATION, AT_ONCE])
        )
        if behind:
            _add_grams(store.database, behind)
            _save_progress(store.database, behind)
    return sum(upto - above for _, above, upto in behind)


def _first_that_fit(behind: Sequence[tuple[int, ...]]) -> list[Behind]:
    """Return the first of these conversations, so many that about ENTRIES_TOGETHER entries are indexed together.

    An item is (conversation, seq above which its entries are not indexed yet, seq up to which they are to be).
    """
    chosen, entries = list[Behind](), 0
    for number, above, upto in behind:
        if entries < ENTRIES_TOGETHER:
            chosen.append((number, above, upto))
            entries += upto - above
    return chosen


def _add_grams(database: str, behind: Sequence[Behind]) -> None:
    """Insert the search index's rows for new and edited messages of these conversations.

    `behind`: (conversation, seq above which entries are not indexed yet, seq up to which they are
    to be indexed).
    """
    query = " UNION ".join([f"({_NEW})"] * len(behind))
    new = sql.select(database, query, [value for item in behind for value in item])
    rows = sorted(row for rows_of_message in _gram_rows(database, new) for row in rows_of_message)
    with sql.cursor_of(database) as cursor:
        cursor.executemany(
            "INSERT IGNORE INTO im_gram (conversation_id, gram, place) VALUES (%s, %s, %s)", rows
        )


def _gram_rows(
    database: str, messages: Sequence[tuple[int, int]]
) -> Iterable[list[tuple[int, str, int]]]:
    """Yield for each of these messages, given as (conversation, seq), a list of its rows in the search index.

    A row is (conversation, gram, place); the place orders messages by time.
    """
    if not messages:
        return
    query = _TEXT.format(marks=", ".join(["(%s, %s)"] * len(messages)))
    values = [int(value) for message in messages for value in message]
    for number, seq, sent_at, body in sql.select(database, query, values):
        place = place_of(sent_at.replace(tzinfo=UTC).timestamp(), seq)
        yield [(number, gram, place) for gram in grams(body)]


def _save_progress(database: str, behind: Sequence[Behind]) -> None:
    """Save up to which seq each of these conversations is indexed.

    Two runs at the same time do no harm, since the greater seq stays.
    """
    ids = ", ".join(str(number) for number, _, _ in behind)
    upto = ", ".join(str(seq) for _, _, seq in behind)
    query = (
        "UPDATE im_conversation SET searched_seq="
        f"GREATEST(searched_seq, CAST(ELT(FIELD(id, {ids}), {upto}) AS SIGNED)) WHERE id IN ({ids})"
    )
    sql.execute(database, query)
