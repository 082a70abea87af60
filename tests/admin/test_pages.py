"""Every page loads, quickly and without secrets, for operators alone; nobody edits state."""

from __future__ import annotations

from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.db import connection
from django.db.models import QuerySet
from django.http import HttpRequest
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from conferences.models import Recording, ResourceUnit
from conferences.rules.states import Conference, ConferenceState
from domains.models import Account
from foundation.bus.admin import readable
from foundation.bus.models import Parked
from tests.admin.conftest import PASSWORD, PIN, TOKEN, conference_row
from tests.factories import monitor
from tests.web_clients import Browser

MOST_QUERIES = 20
admin.autodiscover()
MODELS = sorted(model._meta.label for model in admin.site._registry)
READ_ONLY = [
    "conferences.Conference",
    "conferences.CallRecord",
    "conferences.Number",
    "conferences.RegisteredNumber",
    "conferences.Recording",
    "conferences.Reservation",
    "conferences.ResourceUnit",
    "bus.Parked",
    "bus.Outbox",
    "bus.Inbox",
    "axes.AccessAttempt",
    "licensing.Quota",
    "auditlog.LogEntry",
    "im.Conversation",
    "im.Listener",
    "im.Plugin",
    "social.OutgoingText",
]

NONE_ADDED = ["domains.CoreDomain", "domains.Domain"]


def url(label: str, page: str, *args: object) -> str:
    """Return the address of a model's page."""
    app, model = label.lower().split(".")
    return reverse(f"admin:{app}_{model}_{page}", args=args)


def rows_of(label: str) -> QuerySet[Any]:
    """Return the rows that a model's page shows."""
    request = HttpRequest()
    request.user = Account.objects.get(username="admin")
    rows: QuerySet[Any] = admin.site._registry[apps.get_model(label)].get_queryset(request)
    return rows


@pytest.mark.parametrize("label", MODELS)
def test_a_list_and_its_pages_load(
    label: str, operator: Browser, running: Conference, unit: ResourceUnit, parked: Parked
) -> None:
    over = {"state": ConferenceState.ENDED, "ended_at": running.created_at, "confid": "over"}
    conference_row(running.source_platform, **over)
    recorded = {"confid": "over", "e164": "8800042", "user_domain": running.user_domain}
    Recording.objects.create(id="f" * 32, begun_at=running.created_at, film_bytes=1, **recorded)
    with CaptureQueriesContext(connection) as queries:
        assert operator.get(url(label, "changelist")).status_code == 200
    assert len(queries) <= MOST_QUERIES
    assert operator.get(url(label, "changelist"), {"q": "880"}).status_code == 200
    first = rows_of(label).first()
    if first is not None:
        assert operator.get(url(label, "change", first.pk)).status_code == 200
    added = operator.get(url(label, "add")).status_code
    assert added == (403 if label in (*READ_ONLY, *NONE_ADDED) else 200)


@pytest.mark.parametrize("label", MODELS)
def test_a_person_without_rights_is_sent_away(label: str, person: Browser) -> None:
    answer = person.get(url(label, "changelist"))
    assert answer.status_code == 302
    assert "/admin/login/" in answer["Location"]


def test_a_list_reads_as_often_for_many_rows_as_for_one(
    operator: Browser, platform: str, running: Conference
) -> None:
    page = url("conferences.Conference", "changelist")
    operator.get(page)
    with CaptureQueriesContext(connection) as queries:
        operator.get(page)
    for number in range(20):
        conference_row(platform, confid=f"c{number}", e164=f"8800001{number:02d}", shortnum="")
    with CaptureQueriesContext(connection) as many:
        operator.get(page)
    assert len(many) == len(queries)


@pytest.mark.parametrize("label", READ_ONLY)
def test_state_is_not_edited(
    label: str, operator: Browser, running: Conference, unit: ResourceUnit, parked: Parked
) -> None:
    first = rows_of(label).first()
    if first is None:
        return
    assert operator.post(url(label, "change", first.pk), {"state": "ended"}).status_code == 403
    assert operator.post(url(label, "delete", first.pk), {"post": "yes"}).status_code == 403
    assert operator.post(url(label, "add"), {}).status_code == 403


def test_secrets_are_not_shown(operator: Browser, running: Conference, parked: Parked) -> None:
    pages = (
        url("conferences.Conference", "change", running.confid),
        url("conferences.Conference", "changelist"),
        url("bus.Parked", "change", parked.pk),
    )
    page_text = "".join(operator.get(page).content.decode() for page in pages)
    assert "wss://unit/" in page_text
    assert not [secret for secret in (PASSWORD, PIN, TOKEN) if secret in page_text]


def test_a_name_cannot_be_markup(operator: Browser, running: Conference) -> None:
    page = operator.get(url("conferences.Conference", "change", running.confid)).content.decode()
    assert "Board <meeting>" not in page
    assert "Board &lt;meeting&gt;" in page


def test_simulated_units_say_so(operator: Browser, unit: ResourceUnit) -> None:
    assert b"simulated" in operator.get(url("conferences.ResourceUnit", "changelist")).content


@pytest.mark.parametrize(
    "body",
    [
        b'{"confpwd": "hush", "x": 1}',
        b'{"confpwd": "hush", "x',
        b"confpwd=hush,",
        b'"confpwd":"hush',
    ],
)
def test_the_password_of_a_conference_is_shown_nowhere(body: bytes) -> None:
    assert "hush" not in readable(body)
    assert "confpwd" in readable(body)


def test_the_page_of_a_conference_shows_who_is_monitored(platform: str, operator: Browser) -> None:
    c = conference_row(platform, monitors=(monitor(port=6007),))
    address = reverse("admin:conferences_conference_change", args=[c.confid])
    page = operator.get(address).content.decode()
    assert "192.0.2.7 6007" in page
    assert "all members" in page
