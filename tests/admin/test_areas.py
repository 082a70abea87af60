"""Administrators keep their tenants' areas of meeting rooms in the admin, by the flow of the HTTP API."""

from __future__ import annotations

import pytest
from auditlog.models import LogEntry

from conferences.flows import areas
from conferences.models import MeetingRoomArea
from domains.flows import people
from domains.management.commands.load_demo import DEMO_TENANT
from tests.admin.test_pages import url
from tests.admin.test_stored import says
from tests.web_clients import Browser

AREA = "conferences.MeetingRoomArea"
FORM = {"area": "North", "tenant": DEMO_TENANT}


def test_an_area_is_added_renamed_and_deleted(operator: Browser, platform: str) -> None:
    assert operator.post(url(AREA, "add"), FORM).status_code == 302
    area = MeetingRoomArea.objects.get()
    assert (area.area, area.user_domain) == ("North", DEMO_TENANT)
    assert DEMO_TENANT not in operator.get(url(AREA, "changelist")).content.decode()
    assert operator.get(url(AREA, "change", area.pk)).status_code == 200
    operator.post(url(AREA, "change", area.pk), {"area": "South", "tenant": "another"})
    area.refresh_from_db()
    assert (area.area, area.user_domain) == ("South", DEMO_TENANT)
    operator.post(url(AREA, "delete", area.pk), {"post": "yes"})
    assert not MeetingRoomArea.objects.exists()
    trail = LogEntry.objects.filter(content_type__model="meetingroomarea").order_by("id")
    assert [entry.action for entry in trail] == [
        LogEntry.Action.CREATE,
        LogEntry.Action.UPDATE,
        LogEntry.Action.DELETE,
    ]


def test_what_the_flow_or_the_form_refuses_is_told(
    operator: Browser, platform: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    operator.post(url(AREA, "add"), FORM)
    assert "already" in says(operator.post(url(AREA, "add"), FORM))
    unseen = operator.post(url(AREA, "add"), {**FORM, "area": "a\u202eb"})
    assert b"cannot be seen" in unseen.content
    monkeypatch.setattr(areas, "MAX_AREAS", 1)
    more = operator.post(url(AREA, "add"), {**FORM, "area": "South"})
    assert "as many areas" in says(more)
    area = MeetingRoomArea.objects.get()
    areas.delete_area(platform, DEMO_TENANT, area.pk)
    assert operator.get(url(AREA, "change", area.pk)).status_code in (302, 404)


def test_an_administrator_of_the_tenant_keeps_its_areas_and_sees_no_others(platform: str) -> None:
    chief = people.create(None, username="chief", domain_id=DEMO_TENANT, is_staff=True)
    browser = Browser()
    browser.force_login(chief)
    assert browser.post(url(AREA, "add"), FORM).status_code == 302
    areas.save_area(platform, "another-tenant", "Secret")
    shown = browser.get(url(AREA, "changelist")).content.decode()
    assert "North" in shown
    assert "Secret" not in shown
    foreign = browser.post(url(AREA, "add"), {"area": "East", "tenant": "another-tenant"})
    assert foreign.status_code == 200
    assert MeetingRoomArea.objects.count() == 2
