"""The database's clock is set: nothing ends early, and nothing waits for it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import connection

from conferences.flows import due
from conferences.models import Conference
from foundation import clock
from foundation.cells.serving import read
from tests.integration.conftest import create, do

pytestmark = pytest.mark.xdist_group("integration")


@pytest.fixture(autouse=True)
def _true_again(transactional_db: None) -> Iterator[None]:
    clock._anchors.clear()
    yield
    connection.close()
    clock._anchors.clear()
    clock._clock_steps.clear()


def set_by(seconds: int) -> None:
    """Move the clock of the database's host, as its sessions read it."""
    with connection.cursor() as cursor:
        cursor.execute(f"SET timestamp = UNIX_TIMESTAMP(SYSDATE(6)) + {seconds}")


def test_a_conference_lasts_as_long_as_was_said_when_the_databases_clock_is_set(place: str) -> None:
    do(place, create("one", duration=60))
    (ends_at,) = Conference.objects.values_list("ends_at", flat=True)
    set_by(2 * 3600)
    due.handle_due_conferences(place)
    (row,) = Conference.objects.all()
    assert (row.state, row.ends_at) == ("creating", ends_at)
    do(place, create("two", duration=60))
    later = Conference.objects.exclude(pk=row.pk).get().ends_at
    assert later
    assert ends_at
    assert later - ends_at < timedelta(minutes=1)


def test_what_is_due_is_done_while_the_databases_clock_is_behind(place: str) -> None:
    do(place, create("one"))
    assert read(place)
    row = Conference.objects.get()
    row.detail["answer_by"] = row.detail["created_at"]
    row.due_at = row.created_at
    row.save()
    set_by(-5 * 3600)
    due.handle_due_conferences(place)
    assert Conference.objects.get().state == "ended"
