"""The benchmark `social` fills a site with people and moments, and measures what people wait for.

It runs inside a process with the site's settings, beside the site's own processes.

Each of the people posted the same number of moments in the last 90 days, so a third of them lie in
the window of the timeline. Two readers have 200 and 2,000 contacts; one author has 100 contacts who
are online, each with a queue at the broker.
"""

from __future__ import annotations

import json
import random
import statistics
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import amqp
from django.conf import settings
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext
from kombu.utils.url import parse_url

from benchmarks.bench_site import cpu_of_group
from domains.models import Account, UserDomain
from foundation import clock
from foundation.cells.directory import own_platform, store_of
from foundation.signing import shared_key
from im.data import broker, presence_store
from im.data.locked_conversation import Denied
from im.data.people import Person, person_of_account
from im.flows.contacts import find_person
from im.models import Contact
from im.rules.topology import BASE, user_key
from social.data import finding, matches, timeline
from social.flows import address_book, moments, reactions
from social.flows.moments import Draft
from social.models import BookEntry, ConfirmedNumber, Like, Moment, Profile
from social.rules import numbers

DAYS = 90
ROUNDS = 200
ONLINE, POSTS, POSTS_A_SECOND = 100, 250, 50
LIKES, LIKERS = 2000, 8
TRIES = 10_000
TENANT = "10000000-0000-4000-8000-000000000001"
Row = dict[str, Any]
_random = random.Random(7)


def name_of(number: int) -> str:
    """Return the id of one of the people."""
    return f"p{number:06d}"


def fill(count: int, people: int) -> None:
    """Write accounts, contacts of the readers, and moments."""
    tenant = UserDomain.objects.get(pk=TENANT)
    Account.objects.bulk_create(
        (
            Account(moid=name_of(n), username=name_of(n), password="!", domain=tenant)  # noqa: S106
            for n in range(people)
        ),
        batch_size=5000,
    )
    for reader, contacts in ((0, 200), (1, 2000), (2, ONLINE)):
        others = _random.sample(range(10, people), min(contacts, people - 10))
        pairs = [(reader, other) for other in others]
        Contact.objects.bulk_create(
            [
                Contact(owner=name_of(a), other=name_of(b), state="friend")
                for pair in pairs
                for a, b in (pair, pair[::-1])
            ],
            batch_size=5000,
        )
    now = clock.now()
    step = timedelta(days=DAYS) / count
    statement = (
        "INSERT INTO social_moment"
        " (id, author, author_name, place, has_only, has_except, kind, text, files, sent_at)"
        " VALUES (%s, %s, %s, 0, 0, 0, 'text', 'A few words about a walk.', '[]', %s)"
    )
    rows = []
    for n in range(count):
        at = now - timedelta(days=DAYS) + n * step
        author = name_of(_random.randrange(people))
        rows.append((clock.id_at(at) + n % 8192, author, author, at.replace(tzinfo=None)))
        if len(rows) == 20_000 or n == count - 1:
            with connection.cursor() as cursor:
                cursor.executemany(statement, rows)
            rows = []
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE TABLE social_moment, im_contact")
        cursor.fetchall()


def summary(what: str, seconds: list[float], **more: object) -> Row:
    """Return the row of a table for these times."""
    times = sorted(seconds)
    return {
        "what": what,
        "p50_ms": round(1e3 * statistics.median(times), 2),
        "p99_ms": round(1e3 * times[min(len(times) - 1, int(len(times) * 0.99))], 2),
        **more,
    }


def timed(call: Callable[[], object], rounds: int = ROUNDS) -> list[float]:
    """Return how long each of `rounds` calls took, in seconds."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return times


def person(number: int) -> Person:
    """Return one of the people."""
    return person_of_account(Account.objects.get(moid=name_of(number)))


# ---- what is measured ---------------------------------------------------------------------------


def pages(reader: int, contacts: int, goal: int, database: int) -> Row:
    """Return how long the first page of a reader's timeline takes, and how much CPU time is ours and the database's.

    `database` is the process id of MariaDB.
    """
    with CaptureQueriesContext(connection) as captured:
        page = timeline.timeline_page("default", name_of(reader), None, 20)
    ours, theirs = time.process_time(), cpu_of_group(database)
    times = timed(lambda: timeline.timeline_page("default", name_of(reader), None, 20))
    what = f"timeline, {contacts} contacts"
    return summary(
        what,
        times,
        cpu_ms_ours=round(1e3 * (time.process_time() - ours) / ROUNDS, 2),
        cpu_ms_database=round(1e3 * (cpu_of_group(database) - theirs) / ROUNDS, 2),
        shown=len(page.posts),
        queries=len(captured),
        goal=f"p99 {goal} ms, 7 queries",
    )


class Ears(threading.Thread):
    """The queues of those who are online, at the clients' broker; the thread notes when each was told."""

    def __init__(self, users: list[str]) -> None:
        super().__init__(daemon=True)
        parts = parse_url(settings.IM_AMQP_URL)
        self._connection = amqp.Connection(
            f"{parts['hostname']}:{parts['port']}",
            userid=parts["userid"],
            password=parts["password"],
            virtual_host=parts["virtual_host"],
        )
        self._connection.connect()
        channel: Any = self._connection.channel()
        self.heard: dict[str, list[float]] = {}
        for user in users:
            broker.ensure_user(user)
            queue = channel.queue_declare("", exclusive=True).queue
            channel.queue_bind(queue, BASE, user_key(user))
            channel.basic_consume(queue, callback=self._hear, no_ack=True)
        self.ends = threading.Event()

    def _hear(self, message: Any) -> None:
        data = json.loads(message.body)["data"]
        self.heard.setdefault(data["moment_id"], []).append(time.perf_counter())

    def run(self) -> None:
        """Take what comes until the end."""
        while not self.ends.is_set():
            try:
                self._connection.drain_events(timeout=0.2)
            except TimeoutError:
                continue


def publishing() -> list[Row]:
    """Return how long a post (moment) takes to be stored, and to be told to 100 people, at 50 posts a second."""
    store, author = store_of(own_platform()), person(2)
    users = [row.other for row in Contact.objects.filter(owner=author.id)]
    ears = Ears(users)
    ears.start()
    told, posted = dict[str, float](), list[float]()
    first = time.perf_counter()
    for n in range(POSTS):
        if n % POSTS_A_SECOND == 0:
            for user in users:
                presence_store.record_device(user, "d", "a", clock.now().timestamp())
        time.sleep(max(0.0, first + n / POSTS_A_SECOND - time.perf_counter()))
        start = time.perf_counter()
        number = moments.post_moment(store, author, Draft(0, "hello"), clock.now())
        posted.append(time.perf_counter() - start)
        told[str(number)] = start
    patience = time.perf_counter() + 30
    while time.perf_counter() < patience and any(
        len(ears.heard.get(number, ())) < len(users) for number in told
    ):
        time.sleep(0.05)
    ears.ends.set()
    last = [
        max(ears.heard[number]) - start for number, start in told.items() if number in ears.heard
    ]
    lost = sum(len(users) - len(ears.heard.get(number, ())) for number in told)
    return [
        summary("publish a moment, 50 a second", posted, goal="p50 20 ms"),
        summary(f"the last of {len(users)} told", last or [0.0], lost=lost, goal="100 ms"),
    ]


def likes() -> Row:
    """Return how many likes a second one post takes from the threads of one process, and whether none was lost."""
    store, author = store_of(own_platform()), person(0)
    number = moments.post_moment(store, author, Draft(0, "hello"), clock.now())
    fans = [row.other for row in Contact.objects.filter(owner=author.id)][:200]
    Contact.objects.bulk_create(
        [
            Contact(owner=a, other=b, state="friend")
            for n in range(LIKES - len(fans))
            for a, b in ((f"fan{n}", author.id), (author.id, f"fan{n}"))
        ],
        batch_size=5000,
    )
    fans += [f"fan{n}" for n in range(LIKES - len(fans))]

    def like(user: str) -> None:
        reactions.like_moment(store, Person(user, user, TENANT), number, True, clock.now())

    def close() -> None:
        connections.close_all()

    start = time.perf_counter()
    with ThreadPoolExecutor(LIKERS) as pool:
        list(pool.map(like, fans))
        seconds = time.perf_counter() - start
        for _ in range(LIKERS):
            pool.submit(close)
    count = Like.objects.filter(moment_id=number).count()
    what = f"likes on one moment, {LIKERS} threads of one process"
    exact = count == len(fans)
    return {"what": what, "per_second": round(len(fans) / seconds), "exact": exact, "goal": 500}


def books() -> list[Row]:
    """Return how long it takes to find the owners of 2,000 phone numbers, and that guessed numbers find nobody."""
    store, me = store_of(own_platform()), person(5)
    known = [f"+86138{n:08d}" for n in range(0, 20_000, 7)]
    ConfirmedNumber.objects.bulk_create(
        [
            ConfirmedNumber(hmac=numbers.hashed(number, shared_key()), user=name_of(10 + n))
            for n, number in enumerate(known)
        ],
        batch_size=5000,
    )
    times = []
    for n in range(20):
        Profile.objects.filter(pk=me.id).delete()
        BookEntry.objects.filter(owner=me.id).delete()
        texts = [f"+86138{k:08d}" for k in range(n * 10, n * 10 + 2000)]
        start = time.perf_counter()
        address_book.add_numbers(store, me, texts, "", clock.now())
        times.append(time.perf_counter() - start)
    tried = numbers.hashed_many((f"+86138{n:08d}" for n in range(TRIES)), "", shared_key())
    found = len(matches.match_hashes(store, me, [*tried]))
    letters, stranger = "abcdefghijklmnopqrstuvwxyz", Person("stranger", "stranger", "elsewhere")
    for n in range(TRIES):
        name = name_of(n) if n % 2 else "".join(_random.choices(letters, k=5))
        found += len(finding.search_directory(store, stranger, name, 20))
        try:
            find_person(store, stranger, name)
            found += 1
        except Denied:
            continue
    return [
        summary("match of 2,000 numbers", times, goal="p50 150 ms"),
        {"what": f"{TRIES} numbers and {TRIES} names at random", "found": found, "goal": 0},
    ]


def main(count: int, people: int, database: int) -> None:
    """Fill the site, measure everything, and print the rows as JSON; `database` is MariaDB's process id."""
    start = time.perf_counter()
    fill(count, people)
    rows: list[Row] = [
        {
            "what": "people and moments",
            "people": Account.objects.count(),
            "moments": Moment.objects.count(),
            "filled_in_s": round(time.perf_counter() - start),
        }
    ]
    rows += [pages(0, 200, 15, database), pages(1, 2000, 50, database)]
    rows += publishing()
    rows += [likes(), *books()]
    print(json.dumps(rows))
