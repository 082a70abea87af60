"""The benchmark starts a thousand booked conferences of one second, and lists and books beside a year of 100,000."""

from __future__ import annotations

import time
from typing import Any

from benchmarks.bench_site import bench_site, cost, python, sql
from deploy.stand.site import Site

AT_ONCE = 1000
IN_A_YEAR = 100_000

_BOOK = """
import django; django.setup()
from datetime import timedelta
from conferences.data.database_unit_of_work import ConferencesDatabaseUnitOfWork
from conferences.flows.reservations import on_book_conference
from foundation import clock
from foundation.bus.envelope import Envelope
from foundation.bus.unit_of_work import begin
from foundation.cells.directory import own_platform
from wire.reservations import BookConference
with begin(own_platform()) as uow:
    start = (uow.now + timedelta(seconds={seconds})).isoformat()
    part = uow.part(ConferencesDatabaseUnitOfWork)
    for n in range({count}):
        request = BookConference(reqid=f"b{{n}}", user_domain="{tenant}", name=f"at once {{n}}",
            starttime=start, duration=60)
        on_book_conference(part, request, Envelope(queue="bench"))
print(start)
"""

_PROBE = """
import time, statistics, django
django.setup()
from datetime import timedelta
from conferences.data import reservation_queries
from conferences.data.reservations import Reservations
from conferences.rules.capacity import Span, refuse_overfull
from django.db import transaction
from foundation import clock
from foundation.cells.directory import own_platform, store_of
database, now = store_of(own_platform()).database, clock.now()
def median(work):
    work()
    times = []
    for n in range(50):
        start = time.perf_counter(); work(n); times.append(time.perf_counter() - start)
    return statistics.median(times) * 1e3
planned, own = reservation_queries.planned_page, ("user_domain", "{tenant}")
def page(n=0):
    planned(database, *own, now, start=n * 100, count=100)
def middle_page(n=0):
    planned(database, *own, now, start=50000, count=100)
def last_page(n=0):
    planned(database, *own, now, start=99000, count=100)
def week(n=0):
    planned(database, *own, now + timedelta(days=n * 7), now + timedelta(days=n * 7 + 7), count=100)
def find(n=0):
    assert reservation_queries.find_live_reservation(database, str(990000001 + n))
def check(n=0):
    start = now + timedelta(days=n)
    wanted = [Span(start, start + timedelta(hours=1), 8)]
    with transaction.atomic(using=database):
        rows = Reservations(database, now)
        refuse_overfull(wanted, rows.booked(wanted), rows.usual_load(), rows.capacity())
def check_series(n=0):
    wanted = [Span(now + timedelta(days=7 * w), now + timedelta(days=7 * w, hours=1), 8) for w in range(52)]
    with transaction.atomic(using=database):
        rows = Reservations(database, now)
        refuse_overfull(wanted, rows.booked(wanted), rows.usual_load(), rows.capacity())
print(*map(median, (page, middle_page, last_page, week, find, check, check_series)))
"""

_FILL_BOOKS = (
    "INSERT INTO conferences_reservation (bookid, e164, live_e164, name, state, source_platform, user_domain,"
    " creator_moid, starts_at, timezone, `repeat`, detail)"
    " SELECT CONCAT('y', seq), seq + 990000000, seq + 990000000, 'year', 'live', 'p', '{tenant}', 'load',"
    " UTC_TIMESTAMP(6) + INTERVAL seq * 315 SECOND, 'UTC', '', JSON_OBJECT('bookid', CONCAT('y', seq),"
    " 'e164', CONCAT('', seq + 990000000), 'source_platform', 'p', 'user_domain', '{tenant}',"
    " 'settings', JSON_OBJECT('confname', 'year'), 'starts_at', '2026-11-29T00:00:00Z',"
    " 'created_at', '2026-11-29T00:00:00Z') FROM seq_1_to_{count}"
)
_FILL_DATES = (
    "INSERT INTO conferences_occurrence (id, bookid, user_domain, creator_moid, starts_at, ends_at, places, is_long,"
    " state, due_at, detail) SELECT CONCAT('y', seq, ':o'), CONCAT('y', seq), '{tenant}', 'load',"
    " UTC_TIMESTAMP(6) + INTERVAL seq * 315 SECOND, UTC_TIMESTAMP(6) + INTERVAL seq * 315 + 3600 SECOND, 8, 0,"
    " 'planned', UTC_TIMESTAMP(6) + INTERVAL seq * 315 SECOND, JSON_OBJECT('bookid', CONCAT('y', seq),"
    " 'original', '2026-11-29T00:00:00Z', 'starts_at', '2026-11-29T00:00:00Z', 'ends_at', '2026-11-29T01:00:00Z',"
    " 'places', 8) FROM seq_1_to_{count}"
)
_TENANT = "10000000-0000-4000-8000-000000000001"


def _started_at_once(site: Site) -> dict[str, Any]:
    """Book conferences for the same second, and return how late the last of them runs."""
    start = python(site, _BOOK.format(seconds=30, count=AT_ONCE, tenant=_TENANT)).split()[-1]
    before = cost(site)
    late = f"TIMESTAMPDIFF(MICROSECOND, '{start[:19]}', UTC_TIMESTAMP(6)) / 1e6"
    running = "SELECT COUNT(*) FROM conferences_conference WHERE state='running'"
    until = time.monotonic() + 120
    while int(sql(site, running).split()[-1]) < AT_ONCE and time.monotonic() < until:
        time.sleep(0.1)
    return {
        "what": f"{AT_ONCE} booked for the same second",
        "running": int(sql(site, running).split()[-1]),
        "last_late_s": round(float(sql(site, f"SELECT {late}").split()[-1]), 1),
        **cost(site).since(before, AT_ONCE),
    }


def _beside_a_year(site: Site) -> dict[str, Any]:
    """Fill a year with reservations; return how long pages of the list and the check of a booking take, in ms.

    The probe is a program that runs in the site's environment and prints one number for each of the
    names, in their order.
    """
    for fill in (_FILL_BOOKS, _FILL_DATES):
        sql(site, fill.format(tenant=_TENANT, count=IN_A_YEAR))
    sql(site, "ANALYZE TABLE conferences_occurrence")
    pages = ("page_ms", "middle_page_ms", "last_page_ms", "week_ms", "find_by_number_ms")
    names = (*pages, "check_ms", "check_of_52_dates_ms")
    words = python(site, _PROBE.format(tenant=_TENANT)).split()[-len(names) :]
    measured = {name: round(float(word), 2) for name, word in zip(names, words, strict=True)}
    return {"what": f"beside {IN_A_YEAR:,} in a year", **measured}


def run() -> list[dict[str, Any]]:
    """Measure starts in the same second, and bookings beside a year of others, on one site; return the results."""
    with bench_site(units=10, conferences=200) as site:
        return [_started_at_once(site), _beside_a_year(site)]


if __name__ == "__main__":
    for row in run():
        print(row)
