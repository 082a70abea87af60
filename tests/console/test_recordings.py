"""The library of recordings: who sees which, what is sent of a film, and the wastebasket."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

import orjson
import pytest
from pytest_django import Settings

from conferences.data import film_jobs, recording_store
from conferences.data.recording_store import SegmentKey
from conferences.flows import change_recordings, collect_recordings, make_films
from conferences.models import Recording, RecordingSegment
from conferences.pages import recording_files
from conferences.rules.recordings import MOST_ATTEMPTS
from domains.models import Account
from foundation.bus.dispatch import handle_for_platform
from foundation.bus.models import Outbox
from foundation.cells.directory import own_platform
from foundation.web import large_answers
from foundation.web.large_answers import MOST_OF_PERSON
from tests.admin.conftest import conference_row
from tests.console.test_past import browser_of, page
from tests.integration.conftest import delivery
from tests.web_clients import Browser
from wire.routes import Routes

LIBRARY = "/console/recordings/"
FILM = b"film" * 25


@pytest.fixture
def hers(platform: str, settings: Settings, tmp_path: Path) -> Browser:
    """Let anna's conference have been recorded, and return her browser."""
    settings.RECORDINGS = str(tmp_path)
    anna = Account.objects.get(username="anna")
    row = conference_row(platform, confid="held", creator_moid=anna.moid, name="Board")
    Recording.objects.create(
        id="a" * 32,
        confid="held",
        e164=row.e164,
        name="Board",
        user_domain=row.user_domain,
        begun_at=datetime.now(UTC),
        state="done",
        film_bytes=len(FILM),
        film_ms=61_000,
    )
    folder = recording_store.folder_of("a" * 32)
    folder.mkdir(parents=True)
    (folder / "film.mp4").write_bytes(FILM)
    return browser_of("anna")


def test_whoever_was_not_there_gets_nothing_and_a_stranger_is_asked_to_sign_in(
    hers: Browser, client: Browser
) -> None:
    one = f"{LIBRARY}{'a' * 32}/"
    assert "Board" in page(hers, LIBRARY)
    assert "2 min" in page(hers, one)
    assert "录像" in page(hers, LIBRARY, "zh-hans")
    his = browser_of("ben")
    assert "Board" not in page(his, LIBRARY)
    for address in (one, f"{one}film.mp4", f"{one}thumbnail.webp"):
        assert his.get(address).status_code == 404
        assert client.get(address)["Location"].startswith("/accounts/login/")
    his.post(f"{one}delete")
    assert Recording.objects.get().deleted_at is None


def test_a_film_is_sent_whole_in_part_and_to_be_saved(hers: Browser) -> None:
    address = f"{LIBRARY}{'a' * 32}/film.mp4"
    whole = hers.get(address)
    assert b"".join(whole.streaming_content) == FILM  # type: ignore[attr-defined]  # of a streaming answer
    part = hers.get(address, headers={"Range": "bytes=4-7"})
    assert (part.status_code, part["Content-Range"]) == (206, "bytes 4-7/100")
    assert b"".join(part.streaming_content) == b"film"  # type: ignore[attr-defined]  # of a streaming answer
    assert hers.get(address, headers={"Range": "bytes=100-"}).status_code == 416
    assert hers.get(f"{address}?download=1")["Content-Disposition"].startswith("attachment")


def test_a_player_gets_a_large_film_in_parts_and_who_saves_many_slowly_waits(
    hers: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording_files, "FRONT_HOLDS", 10)
    monkeypatch.setattr(large_answers, "FRONT_HOLDS", 10)
    address = f"{LIBRARY}{'a' * 32}/film.mp4"
    part = hers.get(address, headers={"Range": "bytes=4-"})
    assert part["Content-Range"] == "bytes 4-13/100"
    slow = [hers.get(f"{address}?download=1") for _ in range(MOST_OF_PERSON)]
    refused = hers.get(f"{address}?download=1", headers={"Range": "bytes=4-"})
    assert (refused.status_code, refused["Retry-After"]) == (503, "30")
    assert hers.get(address, headers={"Range": "bytes=4-"}).status_code == 206
    for answer in slow:
        assert b"".join(answer.streaming_content) == FILM  # type: ignore[attr-defined]  # of a streaming answer
    saved = hers.get(f"{address}?download=1")
    assert b"".join(saved.streaming_content) == FILM  # type: ignore[attr-defined]  # of a streaming answer


def test_a_recording_is_renamed_deleted_taken_back_and_gone_after_thirty_days(
    hers: Browser, platform: str
) -> None:
    one = f"{LIBRARY}{'a' * 32}/"
    hers.post(f"{one}rename", {"name": " Board  meeting "})
    assert "Board meeting" in page(hers, LIBRARY)
    hers.post(f"{one}rename", {"name": "\u202e"})
    assert Recording.objects.get().name == "Board meeting"
    hers.post(f"{one}delete")
    assert hers.get(f"{one}film.mp4").status_code == 404
    assert "Board meeting" in page(hers, f"{LIBRARY}?deleted=1")
    hers.post(f"{one}restore")
    assert hers.get(f"{one}film.mp4").status_code == 200
    hers.post(f"{one}delete")
    change_recordings.empty_wastebasket(platform)
    assert Recording.objects.exists()
    Recording.objects.update(deleted_at=datetime.now(UTC) - timedelta(days=31))
    segment_of("a" * 32, "moved")
    change_recordings.empty_wastebasket(platform)
    purged = Recording.objects.get()
    assert (purged.state, purged.name, purged.film_bytes) == ("purged", "", 0)
    assert not RecordingSegment.objects.exists()
    assert not recording_store.folder_of("a" * 32).exists()
    hers.post(f"{one}restore")
    assert "Board" not in page(hers, LIBRARY) + page(hers, f"{LIBRARY}?deleted=1")
    command = tell_of_segment(FILM)
    assert command["moved"], "a unit that was away all the time deletes its copy"
    assert not RecordingSegment.objects.exists()


def segment_of(recording: str, state: str, files: list[dict[str, object]] | None = None) -> None:
    """Store a segment of a recording."""
    now = datetime.now(UTC)
    RecordingSegment.objects.create(
        recording=recording,
        incarnation=1,
        segment=1,
        begun_at=now,
        ended_at=now,
        state=state,
        files=files or [],
        told_at=now,
    )


def tell_of_segment(content: bytes) -> dict[str, object]:
    """Be a unit that has a segment with one file; return what the scheduler commands the unit."""
    now = datetime.now(UTC).isoformat()
    digest = hashlib.sha256(content).hexdigest()
    body = {
        "type": "MCU_MAU_SEGMENT_NTF",
        "confE164": Recording.objects.get().e164,
        "confid": "held",
        "incarnation": 1,
        "segment": 1,
        "begun": now,
        "ended": now,
        "files": [{"name": "a.mjr", "size": len(content), "sha256": digest}],
        "ip": "127.0.0.1",
        "pid": "u1",
    }
    message = delivery(body, Routes.UNIT_TO_CSS.value.queue, app_id="cmu@127.0.0.1")
    handle_for_platform(own_platform(), [message], publish_inline=False)
    command: dict[str, object] = orjson.loads(bytes(Outbox.objects.latest("id").body))
    return command


def test_a_unit_sends_again_what_the_store_has_lost_before_it_deletes_its_copy(
    hers: Browser,
) -> None:
    key = SegmentKey(own_platform(), "a" * 32, 1, 1)
    for _ in range(2):
        command = tell_of_segment(FILM)
        assert not command["moved"], "not here yet, or not any more"
        order = str(command["order"])
        collect_recordings.receive_part(order, "a.mjr", 0, BytesIO(FILM), len(FILM))
        assert tell_of_segment(FILM)["moved"]
        assert make_films.take_due(own_platform()) == ["a" * 32], "the film is made of it"
        Recording.objects.update(state="done", film_segments=1)
        (recording_store.segment_folder(key) / "a.mjr").unlink()


def test_a_file_that_came_whole_before_its_row_said_so_is_checked_when_the_unit_asks(
    hers: Browser,
) -> None:
    key = SegmentKey(own_platform(), "a" * 32, 1, 1)
    digest = hashlib.sha256(b"sound").hexdigest()
    file = {"name": "a.mjr", "size": 5, "sha256": digest, "received": False}
    segment_of("a" * 32, "waiting", [file])
    folder = recording_store.segment_folder(key)
    folder.mkdir(parents=True)
    order = recording_store.sign_order(key)
    (folder / "a.mjr").write_bytes(b"noise")
    assert collect_recordings.count_received(order, "a.mjr") == 0, "another hash: it begins anew"
    (folder / "a.mjr").write_bytes(b"sound")
    assert collect_recordings.count_received(order, "a.mjr") == 5
    assert RecordingSegment.objects.get().state == "moved"


def test_recordings_that_wait_for_a_unit_hold_up_no_film_of_others(
    hers: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(film_jobs, "_AT_ONCE", 1)
    now = datetime.now(UTC)
    for name, age, state in (("b", 2, "waiting"), ("c", 1, "moved")):
        Recording.objects.create(
            id=name * 32, confid=name, begun_at=now - timedelta(hours=age), state="collecting"
        )
        segment_of(name * 32, state)
    assert make_films.take_due(own_platform()) == ["c" * 32]
    for attempt in range(1, MOST_ATTEMPTS + 1):
        job = film_jobs.claim(own_platform(), "c" * 32)
        assert job
        assert job.attempt == attempt
        Recording.objects.filter(pk="c" * 32).update(working_at=now - timedelta(hours=1))
        assert make_films.take_due(own_platform()) == ["c" * 32]
        assert make_films.take_due(own_platform()) == [], "one task at a time"
    assert film_jobs.claim(own_platform(), "c" * 32) is None
    assert Recording.objects.get(pk="c" * 32).state == "failed"
