"""Shared recordings: who is let in by which door, and that nobody else gets one byte."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.utils.html import escape
from pytest_django import Settings

from conferences.data import recording_store
from conferences.flows.share_recordings import MOST_TRIES_OF_LINK
from conferences.models import Recording, RecordingGuest, RecordingLink
from conferences.pages.recording_files import CONTENT_TYPES
from conferences.rules.recording_shares import MOST_LINKS
from domains.models import Account, Domain, Level, UserDomain
from foundation import clock
from tests.console.test_past import browser_of, page
from tests.console.test_recordings import LIBRARY, hers
from tests.web_clients import Browser

__all__ = ["hers"]

HERS = f"{LIBRARY}{'a' * 32}/"
OF_PRODUCTION = "domains.data.password_hashers.Argon2Hasher"
PASSWORD = "only for friends"


@pytest.fixture(autouse=True)
def all_files(hers: Browser) -> None:
    """Write each file of the recording that a door may give away."""
    for name in CONTENT_TYPES:
        (recording_store.folder_of("a" * 32) / name).write_bytes(b"secret film")


def create_link(browser: Browser, days: str = "7", password: str = "") -> str:
    """Create a link by the form; return the path to which it leads."""
    browser.post(f"{HERS}share/link", {"days": days, "password": password})
    shown = re.search(r"/watch/\?t=[\w-]+", page(browser, HERS))
    assert shown, "the link is shown"
    return shown[0]


def statuses(browser: Browser, base: str) -> set[int]:
    """Return the HTTP statuses of all doors below an address, and check that a refusal gives nothing away."""
    found: set[int] = set()
    for name in ("", *CONTENT_TYPES, "film.mp4?download=1"):
        reply = browser.get(base + name)
        content = b"".join(reply.streaming_content) if reply.streaming else reply.content  # type: ignore[attr-defined]  # of a streaming answer
        assert (b"secret film" in content or b"Board" in content) is (reply.status_code == 200)
        found.add(reply.status_code)
    return found


def opened(path: str, password: str | None = None) -> tuple[Browser, str]:
    """Open a link in a new browser; return it and the address below which the recording lies."""
    visitor = Browser()
    reply = visitor.get(path) if password is None else visitor.post(path, {"password": password})
    assert reply.status_code == 302
    return visitor, reply["Location"]


def test_a_person_with_whom_it_is_shared_sees_it_until_that_is_taken_back(hers: Browser) -> None:
    ben, account = browser_of("ben"), Account.objects.get(username="ben")
    assert statuses(ben, HERS) == {404}
    hers.post(f"{HERS}share/invite", {"person": "ben"})
    assert statuses(ben, HERS) == {200}
    assert "Board" in page(ben, LIBRARY)
    for action in ("rename", "delete", "share/link", "share/invite"):
        ben.post(HERS + action, {"name": "His", "days": "7", "person": "ben"})
    assert not RecordingLink.objects.exists()
    assert Recording.objects.get(name="Board").deleted_at is None
    hers.post(f"{HERS}share/uninvite", {"account": account.moid})
    assert statuses(ben, HERS) == {404}


def test_whoever_has_moved_to_another_tenant_or_is_disabled_gets_nothing(hers: Browser) -> None:
    hers.post(f"{HERS}share/invite", {"person": "ben"})
    link = create_link(hers)
    visitor, base = opened(link)
    ben = browser_of("ben")
    tenant = UserDomain.objects.get(pk=Recording.objects.get().user_domain)
    other = UserDomain.objects.create(
        name="Other", parent=tenant.parent, platform=tenant.platform, level=Level.USER
    )
    Account.objects.filter(username="ben").update(domain=other)
    assert statuses(ben, HERS) == {404}
    hers.post(f"{HERS}share/invite", {"person": "ben"})
    assert RecordingGuest.objects.count() == 1, "nobody of another tenant is found"
    Account.objects.filter(username="ben").update(domain=tenant, is_active=False)
    assert statuses(ben, HERS) == {302}, "a disabled account is signed out"
    assert statuses(visitor, base) == {200}
    Account.objects.filter(username="anna").update(domain=other)
    assert statuses(visitor, base) == {404}, "a link is void when its creator has left the tenant"
    assert visitor.get(link).status_code == 404
    Account.objects.filter(username="anna").update(domain=tenant, is_active=False)
    assert statuses(visitor, base) == {404}
    assert Domain.objects.filter(pk=other.pk).exists()


def test_a_link_opens_the_recording_until_it_expires_or_is_revoked(hers: Browser) -> None:
    first, second = create_link(hers), create_link(hers, days="1")
    visitor, base = opened(first)
    other, other_base = opened(second)
    assert statuses(visitor, base) == {200}
    assert statuses(visitor, other_base) == {404}, "each link is opened by itself"
    assert statuses(Browser(), base) == {404}, "its address alone opens nothing"
    part = visitor.get(f"{base}film.mp4", headers={"Range": "bytes=0-3"})
    assert part.status_code == 206
    assert "录像" in page(visitor, base, "zh-hans")
    RecordingLink.objects.filter(pk=other_base.split("/")[2]).update(
        expires_at=clock.now() - timedelta(seconds=1)
    )
    assert statuses(other, other_base) == {404}
    assert other.get(second).status_code == 404
    hers.post(f"{HERS}share/unlink", {"link": base.split("/")[2]})
    assert statuses(visitor, base) == {404}
    third, third_base = opened(create_link(hers))
    hers.post(f"{HERS}delete")
    assert statuses(third, third_base) == {404}, "nobody watches what lies in the wastebasket"


def test_a_password_is_asked_for_stored_as_a_hash_and_not_guessed(
    hers: Browser, settings: Settings
) -> None:
    settings.PASSWORD_HASHERS = [OF_PRODUCTION, *settings.PASSWORD_HASHERS]
    path = create_link(hers, password=PASSWORD)
    row = RecordingLink.objects.get()
    assert row.password.startswith("argon2")
    assert path.partition("=")[2] not in f"{row.pk}{row.password}"
    stranger = Browser()
    assert "Password of the link" in page(stranger, path)
    assert stranger.post(path, {"password": "open sesame"}).status_code == 403
    assert statuses(stranger, f"/watch/{row.pk}/") == {404}
    visitor, base = opened(path, PASSWORD)
    assert statuses(visitor, base) == {200}
    replies = [
        Browser().post(path, {"password": "x"}, headers={"X-Forwarded-For": f"192.0.2.{number}"})
        for number in range(MOST_TRIES_OF_LINK)
    ]
    assert {reply.status_code for reply in replies} == {403, 429}
    assert Browser().post(path, {"password": PASSWORD}).status_code == 429


def test_forms_that_make_no_sense_change_nothing_and_say_why(hers: Browser) -> None:
    hers.post(f"{HERS}share/link", {"days": "8"})
    assert "Choose for how long" in page(hers, HERS)
    hers.post(f"{HERS}share/link", {"days": "7", "password": "short"})
    assert "6 to 64 characters" in page(hers, HERS)
    hers.post(f"{HERS}share/invite", {"person": "nobody at all"})
    assert escape("There is no such person") in page(hers, HERS)
    assert not RecordingLink.objects.exists()
    for _ in range(MOST_LINKS):
        create_link(hers)
    hers.post(f"{HERS}share/link", {"days": "7"})
    assert "shared too often" in page(hers, HERS)
    RecordingLink.objects.update(expires_at=datetime.now(UTC) - timedelta(days=1))
    create_link(hers)
    assert RecordingLink.objects.count() == 1, "expired ones make room"
