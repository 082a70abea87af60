"""The type of a file, the right to download it, and its deletion."""

from __future__ import annotations

import io
import os
import time
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from PIL import Image

from foundation import clock
from foundation.cells.directory import own_platform
from im.data.files import spool, storage
from im.flows.forget_files import forget_files, forget_spooled
from im.models import Conversation, File, Member
from im.rules.vocabulary import Membership
from tests.im.files.person import Person, body, picture, shared, voice

# ---- what they are ------------------------------------------------------------------------------


def test_a_picture_has_its_size_and_a_thumbnail(anna: Person) -> None:
    turned = Image.Exif()
    turned[0x0112] = 6
    upright = anna.put(picture(), "a.png")
    on_its_side = anna.put(picture(800, 400, "JPEG", exif=turned), "b.jpg")
    first, second = sorted(anna.about(upright, on_its_side), key=lambda info: info["name"])
    assert (first["content_type"], first["width"], first["height"]) == ("image/png", 640, 400)
    assert (second["content_type"], second["width"], second["height"]) == ("image/jpeg", 400, 800)
    small = anna.ask("GET", f"/{on_its_side}/thumbnail", Accept="image/png")
    assert small["Content-Type"] == "image/webp"
    assert Image.open(io.BytesIO(body(small))).size == (160, 320)


def test_a_voice_message_has_its_duration(anna: Person) -> None:
    (live,) = anna.about(anna.put(voice(3), "voice"))
    assert (live["content_type"], live["thumbnail_url"]) == ("audio/webm", None)
    assert 2950 <= live["duration_ms"] <= 3050
    (info,) = anna.about(anna.put(voice(2, live=False), "voice"))
    assert 1950 <= info["duration_ms"] <= 2050


def test_a_picture_that_explodes_is_some_bytes(anna: Person) -> None:
    out = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(out, "PNG")
    (info,) = anna.about(anna.put(out.getvalue(), "bomb.png"))
    assert (info["content_type"], info["thumbnail_url"]) == ("application/octet-stream", None)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", ""),
        (b"<!doctype html><script>alert(1)</script>", "text/html"),
        (b"\x89PNG\r\n\x1a\n and then no picture", "application/octet-stream"),
        (b"\x1aE\xdf\xa3 no film", "application/octet-stream"),
        ("just words, 中文".encode(), "text/plain"),
        (b"%PDF-1.4\n", "application/pdf"),
    ],
)
def test_what_could_do_something_is_only_saved(anna: Person, content: bytes, kind: str) -> None:
    answer = anna.ask("GET", f"/{anna.put(content, 'harmless.png')}")
    assert answer["Content-Disposition"].startswith("attachment; ")
    assert answer["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Type"] == kind or not kind


def test_the_program_that_looks_may_break_down(tmp_path: Path) -> None:
    from im.data.files import media_info

    with media_info.inspect_file(tmp_path / "is not there") as (info, thumbnail):
        assert info == media_info.MediaInfo()
        assert not thumbnail.exists()
    (tmp_path / "text").write_text("hello")
    with media_info.inspect_file(tmp_path / "text") as (info, thumbnail):
        assert info == media_info.MediaInfo("text/plain")
        assert not thumbnail.exists()


# ---- downloads ----------------------------------------------------------------------------------


def test_members_fetch_what_was_sent_to_them_and_nobody_else(
    anna: Person, ben: Person, talk: Conversation
) -> None:
    number = shared(anna.put(picture(), "a.png"), talk)
    assert body(ben.ask("GET", f"/{number}")) == picture()
    assert ben.ask("GET", f"/{number}/thumbnail").status_code == 200
    assert [info["id"] for info in ben.about(number, str(uuid4()), "nonsense")] == [number]
    his = Member.objects.filter(user=ben.moid)
    for state in (Membership.LEFT, Membership.REMOVED, Membership.INVITED, Membership.ASKED):
        his.update(state=state)
        assert ben.ask("GET", f"/{number}").status_code == 404
        assert ben.about(number) == []
    assert ben.send(number, 0, b"x").status_code == 404


RANGES = {
    "bytes=0-0": (206, "bytes 0-0/10", b"0"),
    "bytes=2-4": (206, "bytes 2-4/10", b"234"),
    "bytes=7-": (206, "bytes 7-9/10", b"789"),
    "bytes=-3": (206, "bytes 7-9/10", b"789"),
    "bytes=5-99": (206, "bytes 5-9/10", b"56789"),
    "bytes=10-": (416, "bytes */10", None),
    "bytes=-0": (416, "bytes */10", None),
    "bytes=4-2": (200, None, b"0123456789"),
    "bytes=0-1,3-4": (200, None, b"0123456789"),
    "lines=1-2": (200, None, b"0123456789"),
}


def test_a_part_is_fetched_with_range(anna: Person) -> None:
    number = anna.put(b"0123456789")
    for requested, (status, answered, content) in RANGES.items():
        answer = anna.ask("GET", f"/{number}", Range=requested)
        assert (answer.status_code, answer.headers.get("Content-Range")) == (status, answered), (
            requested
        )
        assert content is None or body(answer) == content
    tag = anna.ask("GET", f"/{number}")["ETag"]
    assert anna.ask("GET", f"/{number}", If_None_Match=tag).status_code == 304
    assert body(anna.ask("GET", f"/{number}", Range="bytes=1-2", If_Range=tag)) == b"12"
    assert anna.ask("GET", f"/{number}", Range="bytes=1-2", If_Range='"old"').status_code == 200


def test_a_name_is_shown_cleaned(anna: Person) -> None:
    number = anna.put(b"x", '../../etc/\u202epass"wd\n报告.txt')
    (info,) = anna.about(number)
    assert info["name"] == 'pass"wd报告.txt'
    disposition = anna.ask("GET", f"/{number}")["Content-Disposition"]
    assert disposition == (
        "attachment; filename=\"pass_wd__.txt\"; filename*=UTF-8''pass%22wd%E6%8A%A5%E5%91%8A.txt"
    )


def test_a_file_that_is_kept_elsewhere_is_said_to_be(anna: Person) -> None:
    number = anna.put(b"x")
    storage.delete(number)
    answer = anna.ask("GET", f"/{number}")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_here")


# ---- what nobody needs --------------------------------------------------------------------------


@pytest.fixture
def old() -> Any:
    """Return a function that makes everything stored now two days old."""

    def age() -> None:
        File.objects.update(created_at=clock.now() - timedelta(days=2))

    return age


def test_unsent_uploads_go_after_a_day(anna: Person, talk: Conversation, old: Any) -> None:
    platform = own_platform()
    sent, unsent = shared(anna.put(b"sent"), talk), anna.put(picture(), "a.png")
    begun = anna.begin(10).json()["id"]
    assert forget_files(platform, clock.now()) == 0
    old()
    fresh = anna.put(b"fresh")
    assert forget_files(platform, clock.now()) == 2
    assert {str(number) for number in File.objects.values_list("pk", flat=True)} == {sent, fresh}
    assert not spool.path_of(begun).exists()
    with pytest.raises(FileNotFoundError):
        storage.open_file(unsent, storage.THUMBNAIL)
    assert body(anna.ask("GET", f"/{sent}")) == b"sent"


def test_what_lies_in_the_spool_without_a_row_goes_a_day_later(anna: Person) -> None:
    number = anna.begin(10).json()["id"]
    assert forget_spooled() == 0
    long_ago = time.time() - 3 * 86400
    os.utime(spool.path_of(number), (long_ago, long_ago))
    assert forget_spooled() == 1
    assert anna.send(number, 0, b"x").json()["code"] == "gone"
