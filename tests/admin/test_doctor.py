"""The doctor finds what is wrong, says what to do, and mends what is derived."""

from __future__ import annotations

import json
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.test import override_settings

from conferences.data import redis_projection
from conferences.data.pool import Pool, node_json
from conferences.management import doctor_checks, push_check
from conferences.management.rebuild import rebuild_redis_and_counts
from conferences.models import Conference as Row
from conferences.models import Number
from conferences.rules.states import Conference
from deploy.stand.site import REPOSITORY
from foundation.bus.events import channel_of
from foundation.bus.models import Parked
from foundation.cells.directory import redis_of
from foundation.hooks import Hook
from foundation.web.findings import Finding
from licensing.models import Quota

HOUR = 3600.0


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


class PageOfWrongClock(BaseHTTPRequestHandler):
    """The page answers as a broker's does, and its header `Date` is an hour ahead."""

    def do_GET(self) -> None:
        """Answer with an empty page."""
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def date_time_string(self, timestamp: float | None = None) -> str:
        """Return the moment in an hour as the header `Date` writes it."""
        return super().date_time_string((timestamp or time.time()) + HOUR)


@contextmanager
def https_page(folder: Path) -> Iterator[int]:
    """Yield the port on which `PageOfWrongClock` is served by https; the authority `folder`/ca.pem signs for it."""
    authority = str(REPOSITORY / "deploy" / "install" / "authority")
    subprocess.run([authority, str(folder), "broker=127.0.0.1"], check=True)
    subprocess.run([authority, str(folder / "strangers"), "broker=127.0.0.1"], check=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "broker.pem", folder / "broker.key")
    with ThreadingHTTPServer(("127.0.0.1", 0), PageOfWrongClock) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


@pytest.mark.parametrize(
    ("scheme", "authority", "is_read"),
    [("https", "ca.pem", True), ("https", "strangers/ca.pem", False), ("http", "ca.pem", False)],
)
def test_the_clock_of_a_broker_is_read_by_https_with_its_certificate_checked(
    platform: str, tmp_path: Path, scheme: str, authority: str, *, is_read: bool
) -> None:
    rebuild_redis_and_counts(platform)
    with https_page(tmp_path) as port:
        url = f"{scheme}://us:secret@127.0.0.1:{port}"
        trusted = str(tmp_path / authority)
        with override_settings(IM_MANAGEMENT_URL=url, TLS_CA_FILE=trusted):
            clocks = find_complaints().get("clocks", Finding("clocks"))
    assert clocks.wrong.startswith(f"the broker at 127.0.0.1:{port} is +3") is is_read
    assert clocks.is_ok is not is_read
