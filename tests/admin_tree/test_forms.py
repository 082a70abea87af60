"""Forms show what fits the level, refuse at the field, and ask before they disable."""

from __future__ import annotations

from typing import Any

from domains.flows import change
from domains.management.commands.load_demo import DEMO_TENANT
from domains.models import (
    Account,
    BackupPlatform,
    Domain,
    Level,
    MachineRoom,
    PlatformDomain,
    UserDomain,
)
from licensing.models import Quota
from tests.admin.conftest import conference_row
from tests.admin_tree.conftest import page, text
from tests.web_clients import Browser


def formset(prefix: str, rows: list[dict[str, Any]], there: int = 0) -> dict[str, Any]:
    """Return the fields that a browser sends for an inline."""
    fields: dict[str, Any] = {f"{prefix}-TOTAL_FORMS": len(rows), f"{prefix}-INITIAL_FORMS": there}
    for number, row in enumerate(rows):
        fields |= {f"{prefix}-{number}-{name}": value for name, value in row.items()}
    return fields


def platform_form(domain: PlatformDomain, **more: Any) -> dict[str, Any]:
    """Return the form of a platform domain with no rooms and no backups changed."""
    fields = {
        "name": domain.name,
        "parent": domain.parent_id,
        "e164_prefix": domain.e164_prefix,
        "dr_mode": domain.dr_mode,
        "enable_hd": "on",
        "enable_h265": "on",
    }
    return {**fields, **formset("rooms", []), **formset("backups", []), **more}


def test_each_level_shows_its_own_fields(operator: Browser, service: str, platform: str) -> None:
    texts = {
        "service": text(operator.get(page("servicedomain_change", service))),
        "platform": text(operator.get(page("platformdomain_change", platform))),
        "tenant": text(operator.get(page("userdomain_change", DEMO_TENANT))),
    }
    for name in ("e164_prefix", "broker_url", "dr_mode", "rooms-TOTAL_FORMS"):
        assert [kind for kind, html in texts.items() if f'name="{name}"' in html] == ["platform"]
    for name in ("small_limit", "room"):
        assert [kind for kind, html in texts.items() if f'name="{name}"' in html] == ["tenant"]


def test_a_tenant_shows_what_it_uses_of_its_limit(operator: Browser, platform: str) -> None:
    Quota.objects.create(owner=DEMO_TENANT, small_used=3)
    change.change(DEMO_TENANT, small_limit=4)
    for address in (page("userdomain_change", DEMO_TENANT), page("userdomain_changelist")):
        assert "3 / 4" in text(operator.get(address))


def test_a_platform_shows_terminals_and_ports(operator: Browser, platform: str) -> None:
    page_text = text(operator.get(page("platformdomain_change", platform)))
    assert "software terminals" in page_text
    assert "access ports" in page_text


def test_a_binding_out_of_reach_is_refused_at_its_field(operator: Browser, service: str) -> None:
    other = change.create(Level.SERVICE, name="Other", parent_id=service)
    far = change.create(Level.PLATFORM, name="Far", parent_id=other.pk, e164_prefix="777")
    tenant = UserDomain.objects.get(pk=DEMO_TENANT)
    fields = {"name": tenant.name, "parent": tenant.parent_id, "platform": far.pk}
    answer = operator.post(page("userdomain_change", DEMO_TENANT), fields)
    assert "Bind it to a platform domain within its reach" in text(answer)
    assert answer.context["adminform"].form.errors["platform"]


def test_moving_a_domain_is_choosing_another_one_above(operator: Browser, service: str) -> None:
    group = change.create(Level.SERVICE, name="Group", parent_id=service)
    tenant = UserDomain.objects.get(pk=DEMO_TENANT)
    fields = {"name": tenant.name, "parent": group.pk, "platform": tenant.platform_id}
    assert operator.post(page("userdomain_change", DEMO_TENANT), fields).status_code == 302
    assert UserDomain.objects.get(pk=DEMO_TENANT).parent_id == group.pk
    fields = {"name": "Service", "parent": group.pk}
    answer = operator.post(page("servicedomain_change", service), fields)
    assert "cannot stand above itself" in text(answer)


def test_rooms_and_backups_are_kept_with_their_platform(
    operator: Browser, service: str, platform: str
) -> None:
    MachineRoom.objects.all().delete()
    other = change.create(Level.PLATFORM, name="West", parent_id=service, e164_prefix="99")
    third = change.create(Level.PLATFORM, name="North", parent_id=service, e164_prefix="98")
    domain = PlatformDomain.objects.get(pk=platform)
    rooms = [{"name": "A", "order": 0, "is_default": "on"}, {"name": "B", "order": 1}]
    backups = [{"backup": other.pk, "order": 2}, {"backup": third.pk, "order": 1}]
    fields = platform_form(domain, **formset("rooms", rooms), **formset("backups", backups))
    answer = operator.post(page("platformdomain_change", platform), fields)
    assert answer.status_code == 302, answer.context["errors"]
    names = MachineRoom.objects.filter(platform=platform).order_by("order")
    assert [(room.name, room.is_default) for room in names] == [("A", True), ("B", False)]
    there = BackupPlatform.objects.filter(platform=platform).order_by("order")
    assert [backup.backup_id for backup in there] == [third.pk, other.pk]


def test_two_default_rooms_and_a_backup_of_itself_are_refused(
    operator: Browser, platform: str
) -> None:
    domain = PlatformDomain.objects.get(pk=platform)
    rooms = [{"name": name, "order": 0, "is_default": "on"} for name in "AB"]
    backups = [{"backup": platform, "order": 0}]
    fields = platform_form(domain, **formset("rooms", rooms), **formset("backups", backups))
    page_text = text(operator.post(page("platformdomain_change", platform), fields))
    assert "Only one room is the default" in page_text
    assert "cannot back up itself" in page_text


def test_an_address_with_a_password_is_refused(operator: Browser, platform: str) -> None:
    domain = PlatformDomain.objects.get(pk=platform)
    fields = platform_form(domain, broker_url="amqp://app:geheim@host/")
    page_text = text(operator.post(page("platformdomain_change", platform), fields))
    assert "Leave out name and password" in page_text


def act(client: Browser, name: str, action: str, pk: str, **more: str) -> Any:
    """Send what the browser sends for an action."""
    fields = {"action": action, "_selected_action": [pk], **more}
    return client.post(page(f"{name}_changelist"), fields)


def test_disabling_says_what_lies_below_and_runs(
    operator: Browser, service: str, platform: str
) -> None:
    conference_row(platform)
    page_text = text(operator.get(page("servicedomain_disable_this", service)))
    assert "user domain: 1" in page_text
    assert "conferences: 1" in page_text
    assert Domain.objects.get(pk=service).used


def test_disabling_ends_what_runs_only_when_asked(
    operator: Browser, service: str, platform: str
) -> None:
    from conferences.models import Conference

    running = conference_row(platform)
    act(operator, "servicedomain", "disable", service, confirmed="1")
    assert not Domain.objects.get(pk=service).used
    assert Conference.objects.get(pk=running.confid).state == "running"
    act(operator, "servicedomain", "enable", service, confirmed="1")
    assert Domain.objects.get(pk=service).used
    act(operator, "servicedomain", "disable", service, confirmed="1", end_running="1")
    row = Conference.objects.get(pk=running.confid)
    assert (row.state, row.end_reason) == ("ended", "domain_disabled")


def test_nobody_disables_the_own_domain(administrator: Browser) -> None:
    own = Account.objects.get(username="regina").domain_id or ""
    act(administrator, "servicedomain", "disable", own, confirmed="1")
    assert Domain.objects.get(pk=own).used


def test_what_is_used_has_no_delete_button(operator: Browser, service: str) -> None:
    assert page("servicedomain_delete", service) not in text(
        operator.get(page("servicedomain_change", service))
    )
    free = change.create(Level.SERVICE, name="Free", parent_id=service)
    assert operator.post(page("servicedomain_delete", free.pk), {"post": "yes"}).status_code == 302
    assert not Domain.objects.filter(pk=free.pk).exists()


def test_a_name_that_turns_the_line_is_refused_at_its_field(
    operator: Browser, service: str, platform: str
) -> None:
    fields = {"parent": service, "platform": platform, "enable_hd": "on", "enable_h265": "on"}
    answer = operator.post(page("userdomain_add"), {**fields, "name": "\u202eevil"})
    assert "marks that turn the line" in text(answer)
    assert "name" in answer.context["adminform"].errors
    answer = operator.post(page("apikey_add"), {"name": "\u200b", "domain": DEMO_TENANT})
    assert "name" in answer.context["adminform"].errors
    assert not UserDomain.objects.filter(name__contains="evil").exists()


def test_what_is_no_address_of_a_server_is_refused_at_its_field(
    operator: Browser, platform: str
) -> None:
    for value in ("http://[", "https://x; script-src *"):
        answer = operator.post(page("platformdomain_change", platform), {"http_url": value})
        assert "http_url" in answer.context["adminform"].errors
