"""Rooms and templates: who sees what, and that nothing foreign is touched."""

from __future__ import annotations

import pytest

from conferences.models import PersonalTemplate, VirtualRoom
from domains.models import Account
from tests.web_clients import BareClient, Browser

ROOMS = "/console/rooms/"
ROOM = {"name": "Board room", "places": "8"}


@pytest.fixture
def hers(platform: str, client: Browser) -> Browser:
    """Return a browser in which anna has signed in."""
    client.force_login(Account.objects.get(username="anna"))
    return client


@pytest.fixture
def his(platform: str) -> Browser:
    """Return a browser in which ben, of the same tenant, has signed in."""
    browser = Browser()
    browser.force_login(Account.objects.get(username="ben"))
    return browser


def page_of(browser: Browser) -> str:
    """Return the page as it is now."""
    return browser.get(ROOMS).content.decode()


def test_a_stranger_is_asked_to_sign_in(platform: str, client: Browser) -> None:
    for path in (ROOMS, f"{ROOMS}add/room"):
        assert client.get(path)["Location"].startswith("/accounts/login/?next=")
    client.post(f"{ROOMS}add/room", ROOM)
    assert not VirtualRoom.objects.exists()


def test_a_room_is_made_with_a_link_shown_to_all_and_deleted_by_its_maker(
    hers: Browser, his: Browser
) -> None:
    assert "There is no room yet" in page_of(hers)
    assert hers.post(f"{ROOMS}add/room", ROOM)["Location"] == ROOMS
    room = VirtualRoom.objects.get()
    page = page_of(hers)
    assert "“Board room” is there now." in page
    assert ">idle<" in page
    assert f"/join/{room.e164}/?t={room.pk}:" in page
    seen = page_of(his)
    assert f"/join/{room.e164}/?t={room.pk}:" in seen
    assert "by anna" in seen
    assert f"{room.pk}/delete" not in seen
    his.post(f"{ROOMS}room/{room.pk}/delete")
    assert "Only who made it may do this" in page_of(his)
    hers.post(f"{ROOMS}room/{room.pk}/delete")
    assert not VirtualRoom.objects.exists()


def test_what_is_refused_is_told_in_words(hers: Browser) -> None:
    hers.post(f"{ROOMS}add/room", ROOM)
    hers.post(f"{ROOMS}add/room", ROOM)
    assert "This name is taken already." in page_of(hers)
    hers.post(f"{ROOMS}add/room", {"name": "a?", "places": "8"})
    assert "The name needs 1 to 64 bytes" in page_of(hers)
    hers.post(f"{ROOMS}room/none/begin")
    assert "It is there no more." in page_of(hers)
    assert VirtualRoom.objects.count() == 1


def test_an_exclusive_room_has_no_link_for_others(hers: Browser, his: Browser) -> None:
    hers.post(f"{ROOMS}add/room", {**ROOM, "exclusive": "1"})
    room = VirtualRoom.objects.get()
    assert f"{room.pk}/begin" in page_of(hers)
    assert "?t=" not in page_of(his)
    assert f"{room.pk}/begin" not in page_of(his)
    link = f"/join/{room.e164}/"
    assert (hers.get(link).status_code, his.get(link).status_code) == (200, 403)


def test_a_template_is_its_makers_alone(hers: Browser, his: Browser) -> None:
    fields = {"name": "Weekly", "places": "32", "duration": "30", "password": "a1"}
    hers.post(f"{ROOMS}add/template", fields)
    template = PersonalTemplate.objects.get()
    assert (template.name, template.e164) == ("Weekly", None)
    assert "32 places" in page_of(hers)
    assert "Weekly" not in page_of(his)
    his.post(f"{ROOMS}template/{template.pk}/delete")
    assert "It is there no more." in page_of(his)
    hers.post(f"{ROOMS}template/{template.pk}/delete")
    assert not PersonalTemplate.objects.exists()


def test_forms_of_other_pages_are_refused(hers: Browser) -> None:
    strict = BareClient()
    strict.force_login(Account.objects.get(username="anna"))
    assert strict.post(f"{ROOMS}add/room", ROOM).status_code == 403
    assert not VirtualRoom.objects.exists()
