"""A loaded licence limits by the database's clock and by its text, not by its columns."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from conferences.models import Conference
from conferences.rules.licence_counts import amounts_of_new
from foundation.bus.models import Outbox
from foundation.bus.unit_of_work import begin
from licensing.data import trusted_keys
from licensing.data.queries import state_of
from licensing.data.seats import Seats
from licensing.flows import publish
from licensing.flows.revoke import revoke_licence
from licensing.models import Licence as Row
from licensing.models import Published
from licensing.rules.licence_text import Licence
from licensing.rules.limits import ReachedLimit
from tests import licences
from tests.integration.conftest import create, do, sent_codes
from tests.licensing.conftest import Import, in_days, put, text

pytestmark = pytest.mark.xdist_group("licensing")
REPOSITORY = Path(__file__).resolve().parents[2]


def running() -> int:
    return Conference.objects.filter(live_e164__isnull=False).count()


def one(east: str, issue: int = 2, **fields: object) -> None:
    put(licences.licence(east, issue, 5, 5, **fields))


def test_no_more_than_the_licence_says(east: str, bring: Import) -> None:
    bring(text(east, 1, small=2, large=0))
    do(east, *(create(f"r{n}") for n in range(4)), create("big", maxjoinedmt=32))
    assert running() == 2
    assert sent_codes() == ["29006", "29006", "29007"]


def test_without_a_licence_nothing_begins_and_what_runs_goes_on(east: str) -> None:
    do(east, create("before"))
    Row.objects.all().delete()
    do(east, create("after"))
    assert running() == 1
    assert sent_codes() == ["29017"]


def test_expired_not_yet_valid_and_revoked_ones_let_nothing_begin(east: str) -> None:
    do(east, create("before"))
    one(east, 2, valid_to=in_days(-1))
    do(east, create("expired"))
    one(east, 3, valid_from=in_days(1))
    do(east, create("not yet"))
    one(east, 4)
    do(east, create("good"))
    assert revoke_licence(east, east, 4)
    assert not revoke_licence(east, east, 4)
    do(east, create("revoked"))
    assert running() == 2
    assert sent_codes() == ["29017"] * 3


def test_an_older_issue_does_not_count_in_the_place_of_a_bad_one(east: str) -> None:
    one(east, 2)
    one(east, 3, valid_to=in_days(-1))
    do(east, create("r"))
    assert sent_codes() == ["29017"]


def test_columns_that_were_altered_alter_nothing(east: str, bring: Import) -> None:
    bring(text(east, 1, small=1, valid_to=in_days(1)))
    Row.objects.update(small_conferences=1000, valid_to=None)
    do(east, create("a"), create("b"))
    assert sent_codes() == ["29006"]


def test_a_row_without_a_text_or_of_another_platform_or_altered_counts_for_nothing(
    east: str,
) -> None:
    other = licences.licence("west", 9, 5, 5)
    spoilt = licences.text_of(licences.licence(east, 9, 5, 5))
    for sealed in (" ", licences.text_of(other), spoilt[:-1] + ("A" if spoilt[-1] != "A" else "B")):
        Row.objects.filter(evaluation=False).delete()
        put(licences.licence(east, 9, 5, 5), sealed)
        do(east, create(sealed[-8:]))
    put(licences.licence(east, 10, 5, 5), " ", evaluation=True)
    do(east, create("evaluation forged"))
    assert running() == 0
    assert sent_codes() == ["29017"] * 4


def test_the_evaluation_licence_is_8_and_2_whatever_its_row_says(east: str) -> None:
    Row.objects.update(small_conferences=1000)
    do(east, *(create(f"r{n}") for n in range(10)))
    assert running() == 8


def test_the_licence_ends_by_the_databases_clock(east: str, bring: Import) -> None:
    bring(text(east, 1, valid_to=in_days(1)))
    with begin(east) as uow:
        end = uow.now + timedelta(days=1)
        for moment, full in ((end - timedelta(hours=1), None), (end, ReachedLimit.LICENCE)):
            seats = Seats(uow.database, east, moment, uow.hold_lock)
            assert seats.reached_limit("tenant", amounts_of_new(8), None) is full


def test_the_databases_clock_moved_back_does_not_extend_a_licence(east: str, bring: Import) -> None:
    """The latest time that was ever seen counts: here it was seen a day after the licence's end."""
    bring(text(east, 1, valid_to=in_days(1)))
    publish.repair(east)
    do(east, create("before"))
    seen_at = Published.objects.get(platform=east).seen_at
    assert seen_at is not None
    assert abs((seen_at - datetime.now(UTC)).total_seconds()) < 60
    Published.objects.update(seen_at=in_days(2))
    do(east, create("after"))
    assert (running(), sent_codes()) == (1, ["29017"])
    assert state_of().warning.startswith("licence 1 is expired")
    publish.repair(east)
    assert Published.objects.filter(seen_at__gte=in_days(1.9)).exists()
    Published.objects.update(seen_at=None)  # what operations.md says for a clock that ran ahead
    do(east, create("again"))
    assert running() == 2


def test_our_own_clock_moved_back_does_not_extend_a_licence(east: str) -> None:
    """Debian's faketime on our process: it believes that it is 2021; the database knows better."""
    if not shutil.which("faketime"):
        pytest.skip("needs Debian's faketime: apt install faketime")
    one(east, 2, valid_to=in_days(-1))
    output = run_at("2021-06-01 12:00:00")
    assert "2021-06-01" in output.splitlines()[0]
    assert output.splitlines()[1].startswith("expired: issue 2")


def run_at(moment: str) -> str:
    """Run `license_show` in a process whose clock is moved, and return our time and its output."""
    name = connection.settings_dict["NAME"]
    url = os.environ["TEST_DATABASE_URL"].rpartition("/")[0] + f"/{name}"
    script = (
        "import django; django.setup()\n"
        "from foundation import clock; print(clock.now())\n"
        "from django.core.management import call_command; call_command('license_show')"
    )
    env = {**os.environ, "TEST_DATABASE_URL": url, "DATABASE_URL": url}
    argv = ["faketime", moment, sys.executable, "-c", script]
    result = subprocess.run(
        argv, cwd=REPOSITORY, env=env, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_a_batch_of_creates_reads_the_licence_once_and_verifies_it_once_a_minute(
    east: str, bring: Import, monkeypatch: pytest.MonkeyPatch
) -> None:
    bring(text(east, 1))
    trusted_keys._cache.clear()
    verified: list[str] = []
    real = trusted_keys.verify

    def counted(sealed: str) -> Licence:
        verified.append(sealed)
        return real(sealed)

    monkeypatch.setattr(trusted_keys, "verify", counted)
    with CaptureQueriesContext(connection) as queries:
        do(east, *(create(f"r{n}") for n in range(5)))
        do(east, *(create(f"s{n}") for n in range(5)))
    reads = [q for q in queries if "licensing_licence" in q["sql"]]
    assert len(reads) == 2
    assert len(verified) == 1
    assert running() == 10
    assert Outbox.objects.exists()
