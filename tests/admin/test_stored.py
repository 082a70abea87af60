"""Operators keep templates and virtual rooms in the admin, by the same flow as everybody else."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.messages import get_messages

from conferences.models import Number, PublicTemplate, VirtualRoom
from conferences.pages import stored_admin
from domains.management.commands.load_demo import DEMO_TENANT
from foundation.bus.models import Outbox
from tests.admin.test_pages import url
from tests.web_clients import Browser

ROOM = "conferences.VirtualRoom"
FORM = {
    "name": "Board room",
    "tenant": DEMO_TENANT,
    "duration": "60",
    "places": "8",
    "resolution": "720p",
}


@pytest.fixture
def room(operator: Browser, platform: str) -> VirtualRoom:
    """Return a virtual room that an operator has made."""
    answer = operator.post(url(ROOM, "add"), {**FORM, "auto_end": "on"})
    assert answer.status_code == 302
    return VirtualRoom.objects.get()


def says(answer: Any) -> str:
    """Return the messages that the page shows."""
    return " ".join(str(message) for message in get_messages(answer.wsgi_request))


def test_a_room_is_made_with_a_number_and_the_registry_is_told(room: VirtualRoom) -> None:
    assert room.e164
    assert Number.objects.get(pk=room.e164).held_by == f"room:{room.pk}"
    assert room.detail["settings"]["autoend"] in (True, 1)
    bodies = [bytes(row.body) for row in Outbox.objects.filter(exchange="upu.conf.ex")]
    assert any(room.e164.encode() in body for body in bodies)


def test_a_room_is_changed_and_keeps_its_number(operator: Browser, room: VirtualRoom) -> None:
    page = operator.get(url(ROOM, "change", room.pk))
    assert page.status_code == 200
    changed = {**FORM, "name": "Board room 2", "e164": room.e164, "places": "32"}
    assert operator.post(url(ROOM, "change", room.pk), changed).status_code == 302
    again = VirtualRoom.objects.get()
    assert (again.name, again.e164, again.detail["settings"]["maxjoinedmt"]) == (
        "Board room 2",
        room.e164,
        32,
    )


def test_what_the_flow_refuses_is_told(operator: Browser, room: VirtualRoom) -> None:
    page = operator.post(url(ROOM, "add"), FORM)
    assert b"already exists" in page.content
    answer = operator.post(url(ROOM, "add"), {**FORM, "name": "x", "e164": room.e164})
    assert "already taken" in says(answer)
    assert VirtualRoom.objects.count() == 1
    page = operator.post(url(ROOM, "add"), {**FORM, "name": "x?", "e164": ""})
    assert b"must not contain" in page.content


def test_a_number_of_another_platform_is_refused(
    operator: Browser, platform: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    owners = {"8900001": "another-platform"}
    monkeypatch.setattr(stored_admin, "platforms_of_numbers", lambda numbers: owners)
    page = operator.post(url(ROOM, "add"), {**FORM, "e164": "8900001"})
    assert b"belongs to another platform" in page.content
    assert not VirtualRoom.objects.exists()


def test_a_deleted_room_gives_its_number_back(operator: Browser, room: VirtualRoom) -> None:
    assert operator.post(url(ROOM, "delete", room.pk), {"post": "yes"}).status_code == 302
    assert not VirtualRoom.objects.exists()
    assert Number.objects.get(pk=room.e164).held_by == ""


def test_lists_name_tenant_and_maker(operator: Browser, room: VirtualRoom) -> None:
    operator.post(url("conferences.PublicTemplate", "add"), {**FORM, "name": "Weekly"})
    assert PublicTemplate.objects.get().name == "Weekly"
    for label, name in ((ROOM, "Board room"), ("conferences.PublicTemplate", "Weekly")):
        page = operator.get(url(label, "changelist")).content.decode()
        assert name in page
        assert DEMO_TENANT not in page
