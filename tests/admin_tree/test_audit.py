"""The audit trail says who, what, before and after; it is never edited, and holds no secret."""

from __future__ import annotations

from typing import Any

import pytest
from auditlog.models import LogEntry
from django.test import RequestFactory
from django.urls import reverse

from domains.flows import change
from domains.management.commands.load_demo import DEMO_TENANT
from domains.models import Account, ApiKey, Domain, Level, MachineRoom, PlatformDomain
from foundation.web.audit import address_of, hidden
from licensing.models import Licence
from tests.admin_tree.conftest import page, text
from tests.licences import licence, text_of
from tests.web_clients import Browser

LIST = "/admin/auditlog/logentry/"


def last() -> LogEntry:
    """Return the newest entry."""
    return LogEntry.objects.latest("id")


def test_a_changed_domain_has_before_and_after_and_who_and_from_where(
    operator: Browser, service: str
) -> None:
    domain = Domain.objects.get(pk=service)
    fields = {"name": "Renamed", "parent": domain.parent_id, "enable_hd": "on", "enable_h265": "on"}
    operator.post(page("servicedomain_change", service), fields, REMOTE_ADDR="192.0.2.7")
    entry = last()
    assert entry.changes == {"name": [domain.name, "Renamed"]}
    assert entry.actor.username == "admin"
    assert (entry.object_pk, entry.remote_addr) == (service, "192.0.2.7")


def test_a_refused_change_leaves_nothing(operator: Browser) -> None:
    before = LogEntry.objects.count()
    operator.post(page("userdomain_change", DEMO_TENANT), {"name": "x", "parent": DEMO_TENANT})
    assert LogEntry.objects.count() == before


def test_disabling_and_deleting_stand_there_once(operator: Browser, service: str) -> None:
    free = change.create(Level.SERVICE, name="Free", parent_id=service)
    LogEntry.objects.all().delete()
    fields = {"action": "disable", "_selected_action": [free.pk], "confirmed": "1"}
    operator.post(page("servicedomain_changelist"), fields)
    operator.post(page("servicedomain_delete", free.pk), {"post": "yes"})
    entries = LogEntry.objects.order_by("id").values_list("action", "actor__username")
    assert [*entries] == [(LogEntry.Action.UPDATE, "admin"), (LogEntry.Action.DELETE, "admin")]


def test_rooms_accounts_and_keys_are_followed_without_their_secrets(platform: str) -> None:
    LogEntry.objects.all().delete()
    MachineRoom.objects.create(name="R", platform_id=platform)
    account = Account.objects.create(username="otto", password="argon2$hash")
    account.password = "argon2$another"
    account.save()
    ApiKey.objects.create(key="k", secret_hash="5ec2e7", domain_id=DEMO_TENANT, name="K")
    kinds = {entry.content_type.model for entry in LogEntry.objects.all()}
    assert kinds == {"machineroom", "account", "apikey"}
    everything = str([*LogEntry.objects.values_list("changes", "additional_data")])
    assert not [secret for secret in ("argon2", "5ec2e7") if secret in everything]
    assert LogEntry.objects.filter(changes__password__isnull=False).count() == 2


def test_an_address_is_kept_without_its_password(platform: str) -> None:
    domain = PlatformDomain.objects.get(pk=platform)
    domain.broker_url = "amqp://app:geheim@host/vhost"
    domain.save()
    assert last().changes["broker_url"][1] == "amqp://app@host/vhost"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("None", ""),
        ("", ""),
        ("hash", "•••"),
        ("redis://:pw@h:1/0", "redis://@h:1/0"),
        ("amqp://u:p@h/?password=x", "amqp://u@h/"),
    ],
)
def test_what_is_hidden(value: str, shown: str) -> None:
    assert hidden(value) == shown


def test_a_licence_brings_an_entry_with_its_limits(operator: Browser, platform: str) -> None:
    for each in (text_of(licence(platform, n, small=10 * n)) for n in (1, 2)):
        operator.post(reverse("admin:licensing_licence_add"), {"text": each, "load": "1"})
    entry = last()
    assert entry.content_type.model_class() is Licence
    assert entry.changes["small_conferences"] == ["10", "20"]
    assert "sealed" not in entry.changes


def test_the_page_filters_by_what_kind_actor_and_thing(operator: Browser, service: str) -> None:
    change.create(Level.SERVICE, name="Fresh one", parent_id=service)
    entry = last()
    for query in (
        {"what": "0"},
        {"kind": str(entry.content_type_id)},
        {"q": entry.object_pk},
        {"timestamp_from_0": "2020-01-01", "timestamp_from_1": "00:00:00"},
    ):
        assert "Fresh one" in text(operator.get(LIST, query))
    assert "Fresh one" not in text(operator.get(LIST, {"what": "2"}))


def test_an_entry_shows_names_not_numbers(operator: Browser, service: str) -> None:
    group = change.create(Level.SERVICE, name="Group", parent_id=service)
    change.move(DEMO_TENANT, group.pk)
    page_text = text(operator.get(f"{LIST}{last().pk}/change/"))
    assert Domain.objects.get(pk=service).name in page_text
    assert "Group" in page_text


@pytest.mark.parametrize("way", ["add/", "{}/change/", "{}/delete/"])
def test_nobody_writes_the_trail(operator: Browser, service: str, way: str) -> None:
    change.disable(service)
    assert operator.post(LIST + way.format(last().pk), {"post": "yes"}).status_code == 403


def test_the_history_of_a_thing_is_there_for_who_sees_the_thing(
    operator: Browser, administrator: Browser, service: str
) -> None:
    own = Account.objects.get(username="regina").domain
    assert own is not None
    change.change(own.pk, name="Region two")
    page_text = text(administrator.get(page("servicedomain_history", own.pk)))
    assert "Region two" in page_text
    assert administrator.get(page("servicedomain_history", service)).status_code == 404


def test_an_administrator_reads_what_the_own_people_did(
    operator: Browser, administrator: Browser, service: str
) -> None:
    domain = Domain.objects.get(pk=service)
    fields: dict[str, Any] = {"name": "Not for Regina", "parent": domain.parent_id}
    operator.post(page("servicedomain_change", service), fields)
    assert "Not for Regina" in text(operator.get(LIST))
    assert "Not for Regina" not in text(administrator.get(LIST))


@pytest.mark.parametrize(
    ("proxies", "forwarded", "found"),
    [
        (0, "203.0.113.9", "192.0.2.1"),
        (1, "10.9.8.7, 203.0.113.9", "203.0.113.9"),
        (2, "10.9.8.7, 203.0.113.9, 198.51.100.1", "203.0.113.9"),
        (2, "203.0.113.9", "203.0.113.9"),
        (1, "", "192.0.2.1"),
        (1, "rubbish" * 100, None),
    ],
)
def test_a_forged_address_is_not_believed(
    settings: Any, proxies: int, forwarded: str, found: str | None
) -> None:
    settings.PROXIES = proxies
    more: dict[str, Any] = {"HTTP_X_FORWARDED_FOR": forwarded} if forwarded else {}
    assert address_of(RequestFactory().get("/", REMOTE_ADDR="192.0.2.1", **more)) == found
