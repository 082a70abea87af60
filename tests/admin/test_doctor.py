"""The doctor finds what is wrong, says what to do, and mends what is derived."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import call_command

from conferences.data import redis_projection
from conferences.data.pool import Pool, node_json
from conferences.management import doctor_checks, push_check
from conferences.management.rebuild import rebuild_redis_and_counts
from conferences.models import Conference as Row
from conferences.models import Number
from conferences.rules.states import Conference
from foundation.bus.events import channel_of
from foundation.bus.models import Parked
from foundation.cells.directory import redis_of
from foundation.hooks import Hook
from foundation.web.findings import Finding
from licensing.models import Quota


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor_checks, "SETTLE_SECONDS", 0)
    monkeypatch.setattr(doctor_checks, "_check_broker", lambda: [Finding("broker")])
    monkeypatch.setattr(doctor_checks, "MORE_FINDINGS", Hook())


def find_complaints() -> dict[str, Finding]:
    """Return the doctor's complaints, without those about programs that no test here starts."""
    complaints = {
        finding.check: finding for finding in doctor_checks.examine_site() if not finding.is_ok
    }
    for of_programs in ("media units", "pushes"):
        complaints.pop(of_programs, None)
    return complaints


def test_a_site_without_a_push_process_is_found(platform: str) -> None:
    assert push_check.check_push_process(platform).todo.startswith("start manage.py push")
    with redis_of(platform).pubsub() as subscription:  # type: ignore[no-untyped-call]  # redis has no types for it
        subscription.subscribe(channel_of(platform))
        subscription.get_message(timeout=10)  # the confirmation
        assert push_check.check_push_process(platform).is_ok


def test_a_sound_site_is_well(platform: str) -> None:
    rebuild_redis_and_counts(platform)  # as its first worker does
    assert find_complaints() == {}


def test_a_missing_projection_is_found_and_mended(platform: str, running: Conference) -> None:
    assert "doctor --mend" in find_complaints()["projection"].todo
    rebuild_redis_and_counts(platform)
    assert "projection" not in find_complaints()


def test_a_stale_projection_is_found_and_mended(platform: str) -> None:
    redis_of(platform).hset(
        redis_projection.conference_key("8809"), mapping={"confid": "x", "state": "running"}
    )
    assert "8809" in find_complaints()["projection"].wrong
    rebuild_redis_and_counts(platform)
    assert find_complaints() == {}


def test_seats_that_do_not_fit_are_found(platform: str, running: Conference) -> None:
    Quota.objects.filter(owner=platform).update(small_used=3)
    assert "3 small" in find_complaints()["seats"].wrong
    assert "1 counts put right" in rebuild_redis_and_counts(platform)
    assert "seats" not in find_complaints()


def test_numbers_that_do_not_fit_are_found(platform: str, running: Conference) -> None:
    Number.objects.update(taken=False)
    assert "1 conferences whose number is not taken" in find_complaints()["numbers"].wrong


def test_parked_messages_and_exit_code_are_told(platform: str, parked: Parked) -> None:
    out = StringIO()
    with pytest.raises(SystemExit) as end:
        call_command("doctor", "--json", stdout=out)
    assert end.value.code == 1
    answer = json.loads(out.getvalue())
    assert answer["well"] is False
    assert [f["wrong"] for f in answer["findings"] if f["check"] == "parked"] != [""]


def test_timers_that_stand_are_found(platform: str, running: Conference) -> None:
    Row.objects.update(due_at=running.created_at)
    assert "1 conferences are overdue" in find_complaints()["timers"].wrong


def test_a_media_unit_whose_hosts_clock_is_wrong_is_named(platform: str) -> None:
    rebuild_redis_and_counts(platform)
    amounts = {"confs": 1, "ports": 8, "hd": 1}
    for name, skew in (("10.0.0.1", 900), ("10.0.0.2", -7200), ("10.0.0.3", None)):
        node = node_json("", platform, amounts, None, draining=False, clockskew=skew)
        Pool(platform).run_one("state", "mcu", name, node)
    assert find_complaints()["clocks"].wrong == "the host of media unit 10.0.0.2 is -7.2 s off"
