"""The benchmark `search` fills a site with a million messages, and times questions to them.

It runs inside a process with the site's settings.

2,000 people; 50 of them are in 200 conversations each, among these one group with a fifth of all
messages. Words are as frequent as in real text (Zipf), seven in ten messages Chinese, over a year.
"""

from __future__ import annotations

import json
import os
import random
import statistics
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from typing import Any

from django.db import connection

from foundation.cells.directory import own_platform
from im.data import queries, search
from im.data.search import SearchRequest
from im.flows import index
from im.models import Conversation, Entry, Gram, Member
from im.rules.bigrams import grams, parse_query, place_of

PEOPLE, BUSY = 2000, 50
PAIRS = 1000
"""Conversations of two have this number or a higher one."""
TO_INDEX = 10_000
ROUNDS = 60
NOW = datetime.now(UTC).replace(microsecond=0)
YEAR = 365 * 86400
_random = random.Random(7)


class Words:
    """Words of two languages; the first are used much more often than the last."""

    def __init__(self) -> None:
        signs = [chr(0x4E00 + n) for n in range(3000)]
        _random.shuffle(signs)
        self._by_sign = list(accumulate(1 / (n + 1) ** 0.7 for n in range(3000)))
        self.chinese = [
            self._word(signs, _random.choice((1, 2, 2, 2, 2, 3))) for _ in range(20_000)
        ]
        letters = "etaoinshrdlucmfwypvbgk"
        self.latin = [
            "".join(_random.choices(letters, k=_random.randint(2, 9))) for _ in range(8000)
        ]
        self._often = list(accumulate(1 / (n + 1) for n in range(20_000)))

    def _word(self, signs: list[str], count: int) -> str:
        return "".join(_random.choices(signs, cum_weights=self._by_sign, k=count))

    def text(self) -> str:
        """Return the text of a message."""
        chinese, latin = self.chinese, self.latin
        if _random.random() < 0.3:
            words = _random.choices(latin, cum_weights=self._often[:8000], k=_random.randint(2, 10))
            return " ".join(words)
        words = _random.choices(chinese, cum_weights=self._often, k=_random.randint(2, 12))
        return "".join(words)


def people_of(sizes: dict[int, int]) -> dict[int, set[int]]:
    """Return the members of each conversation: a quarter of all in the first, busy people in 200."""
    groups, pairs = [n for n in sizes if n < PAIRS], [n for n in sizes if n >= PAIRS]
    members = {number: set(_random.sample(range(PEOPLE), 38)) for number in groups}
    members |= {number: set(_random.sample(range(PEOPLE), 2)) for number in pairs}
    members[groups[0]] = set(range(PEOPLE // 4))
    for busy_person in range(BUSY):
        for number in (*_random.sample(groups, 55), *_random.sample(pairs, 145)):
            members[number].add(busy_person)
    return members


def fill(messages: int, words: Words) -> None:
    """Write conversations, members, messages and the index, as they would be after a year."""
    sizes = {1: messages // 5}
    sizes |= {2 + n: messages // 400 for n in range(200)}
    sizes |= {PAIRS + n: messages * 3 // 30_000 for n in range(3000)}
    Conversation.objects.bulk_create(
        Conversation(
            id=n, kind="group", domain="d", creator="0", last_seq=s, messages=s, searched_seq=s
        )
        for n, s in sizes.items()
    )
    Member.objects.bulk_create(
        [
            Member(conversation_id=number, user=str(person), name=str(person))
            for number, people in people_of(sizes).items()
            for person in people
        ],
        batch_size=5000,
    )
    for number, size in sizes.items():
        _talk(number, size, words)


def _talk(number: int, size: int, words: Words) -> None:
    """Fill the conversation `number` with `size` messages spread over a year, and index them for the search."""
    seconds = sorted(_random.randrange(YEAR) for _ in range(size))
    entries, rows = [], []
    for seq, second in enumerate(seconds, 1):
        sent_at, text = NOW - timedelta(seconds=YEAR - second), words.text()
        entries.append(
            (number, seq, "msg", "0", "0", "text", text, seq, sent_at.replace(tzinfo=None))
        )
        place = place_of(sent_at.timestamp(), seq)
        rows += [(number, gram, place) for gram in grams(text)]
    _insert(Entry, "conversation_id seq cmd sender sender_name type body number sent_at", entries)
    _insert(Gram, "conversation_id gram place", sorted(rows))


def _insert(model: Any, columns: str, rows: list[Any]) -> None:
    """Insert rows into a model's table, 20,000 at a time; `columns` are the names, separated by spaces."""
    names = columns.split()
    marks = ", ".join(["%s"] * len(names))
    statement = f"INSERT INTO {model._meta.db_table} ({', '.join(names)}) VALUES ({marks})"
    with connection.cursor() as cursor:
        for first in range(0, len(rows), 20_000):
            cursor.executemany(statement, rows[first : first + 20_000])


# ---- what is measured ---------------------------------------------------------------------------


def questions(words: Words) -> Iterator[tuple[str, Callable[[], str]]]:
    """Yield the kinds of question, each with a function that makes one."""
    pick, chinese, latin = _random.choice, words.chinese, words.latin
    long = [word for word in chinese if len(word) > 1]
    single = [word for word in chinese if len(word) == 1][:200]
    yield "common Chinese word", lambda: pick(long[:30])
    yield "rare Chinese word", lambda: pick(long[8000:])
    yield "one sign", lambda: pick(single)
    yield "common English word", lambda: pick(latin[:20])
    yield "beginning of an English word", lambda: pick(latin)[:3]
    yield "two common words", lambda: f"{pick(long[:20])} {pick(long[20:40])}"
    yield "common and rare word", lambda: f"{pick(long[:20])} {pick(long[8000:])}"
    yield "what nobody said", lambda: "鳏鳐"


def ask(user: int, text: str) -> int:
    """Search as the API does, and return how many messages were found."""
    sights = queries.visible_ranges("default", str(user))
    return len(
        search.find_messages(
            "default", SearchRequest(str(user), parse_query(text), sights), None, 20, NOW
        ).entries
    )


def measure(
    kind: str, make: Callable[[], str], askers: str, users: range, pid: int
) -> dict[str, Any]:
    """Return how long one kind of question takes, asked ROUNDS times by random `users`.

    `pid` is the database's process.
    """
    times, entries, before, own = [], 0, cpu(pid), time.process_time()
    for _ in range(ROUNDS):
        start = time.perf_counter()
        entries += ask(_random.choice(users), make())
        times.append((time.perf_counter() - start) * 1e3)
    return {
        "what": f"{kind}, {askers}",
        "p50_ms": round(statistics.median(times), 1),
        "p99_ms": round(sorted(times)[-1], 1),
        "cpu_ms_database": round((cpu(pid) - before) * 1e3 / ROUNDS, 1),
        "cpu_ms_ours": round((time.process_time() - own) * 1e3 / ROUNDS, 1),
        "found": round(entries / ROUNDS, 1),
    }


def cpu(pid: int) -> float:
    """Return the CPU seconds that a process has used."""
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def indexing(words: Words, pid: int) -> dict[str, Any]:
    """Add new messages to all conversations; return how fast they come into the search index.

    `pid`: the database's process.
    """
    numbers = list(Conversation.objects.values_list("pk", "last_seq"))
    seqs = dict(numbers)
    rows = []
    for _ in range(TO_INDEX):
        number = _random.choice(numbers)[0]
        seqs[number] += 1
        text, sent_at = words.text(), NOW.replace(tzinfo=None)
        rows.append((number, seqs[number], "msg", "0", "0", "text", text, seqs[number], sent_at))
    _insert(Entry, "conversation_id seq cmd sender sender_name type body number sent_at", rows)
    with connection.cursor() as cursor:
        cursor.executemany(
            "UPDATE im_conversation SET last_seq=%s WHERE id=%s", [(s, n) for n, s in seqs.items()]
        )
    start, before, own = time.perf_counter(), cpu(pid), time.process_time()
    while index.index_new_entries(own_platform()):
        pass
    return {
        "what": "messages that come into the index",
        "a_second": round(TO_INDEX / (time.perf_counter() - start)),
        "cpu_ms_database": round((cpu(pid) - before) * 1e3 / TO_INDEX, 3),
        "cpu_ms_ours": round((time.process_time() - own) * 1e3 / TO_INDEX, 3),
    }


def disk() -> dict[str, Any]:
    """Return the size of the index and of the messages in MiB."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE TABLE im_gram, im_entry")
        cursor.fetchall()
        cursor.execute(
            "SELECT table_name, (data_length + index_length) DIV 1048576 FROM information_schema.tables"
            " WHERE table_name IN ('im_gram', 'im_entry') AND table_schema = DATABASE()"
        )
        sizes = dict(cursor.fetchall())
    return {"what": "MiB", "index": int(sizes["im_gram"]), "messages": int(sizes["im_entry"])}


def main(messages: int, pid: int) -> None:
    """Fill the site, measure everything, and print the rows as JSON."""
    words = Words()
    fill(messages, words)
    rows = [disk()]
    for kind, make in questions(words):
        rows.append(measure(kind, make, "200 conversations", range(BUSY), pid))
        rows.append(measure(kind, make, "others", range(PEOPLE // 4, PEOPLE), pid))
    print(json.dumps([*rows, indexing(words, pid)]))
