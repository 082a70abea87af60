"""Model, flow and admin form refuse alike, with the same sentence; and the database what it can."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import DatabaseError, transaction

from domains.flows import change
from domains.models import (
    Account,
    CoreDomain,
    Domain,
    MachineRoom,
    PlatformDomain,
    ServiceDomain,
    UserDomain,
)
from domains.rules.tree import RuleBroken
from tests.domains.conftest import Place
from tests.web_clients import Browser

pytestmark = pytest.mark.xdist_group("domains")


def nested(place: Place) -> ServiceDomain:
    """Return a service domain below the demonstration's, with a tenant that borrows its platform."""
    city = ServiceDomain(name="City", parent_id=place.service)
    change.save_domain(city)
    change.save_domain(UserDomain(name="Bank", parent_id=city.moid, platform_id=place.platform))
    return city


def _cycle(p: Place) -> Domain:
    domain: Domain = ServiceDomain.objects.get(moid=p.service)
    domain.parent_id = nested(p).moid
    return domain


def _stray(p: Place) -> Domain:
    domain: Domain = nested(p)
    domain.parent_id = p.other
    return domain


def _level(p: Place) -> Domain:
    return PlatformDomain(name="New", parent_id=p.core, e164_prefix="9")


def _binding(p: Place) -> Domain:
    return UserDomain(name="New", parent_id=p.service, platform_id=p.away)


def _root(p: Place) -> Domain:
    return ServiceDomain(name="New")


def _room(p: Place) -> Domain:
    room = MachineRoom.objects.create(platform_id=p.away, name="There")
    return UserDomain(name="New", parent_id=p.service, platform_id=p.platform, room=room)


def _first_platform(p: Place) -> Domain:
    return PlatformDomain(name="New", parent_id=nested(p).moid, e164_prefix="9")


CASES = {
    "a cycle": (_cycle, "cannot stand above itself"),
    "a binding left behind": (_stray, "“Bank” is bound to"),
    "a wrong level": (_level, "cannot hang below the core domain"),
    "out of reach": (_binding, "Bind it to a platform domain within its reach:"),
    "a second root": (_root, "Choose a service domain or core domain above it."),
    "another's room": (_room, "choose a room of the bound one"),
    "a first platform": (_first_platform, "“Bank” is bound to"),
}


@pytest.mark.parametrize(("make", "sentence"), CASES.values(), ids=CASES)
def test_model_flow_and_form_say_the_same(
    place: Place, client: Browser, make: Callable[[Place], Domain], sentence: str
) -> None:
    domain = make(place)
    with pytest.raises(RuleBroken, match=re.escape(sentence)) as by_flow:
        change.save_domain(domain)
    with pytest.raises(ValidationError) as by_model:
        domain.full_clean()
    refusal = by_flow.value
    assert by_model.value.message_dict[refusal.field] == [refusal.sentence]
    assert refusal.sentence in posted(client, domain)


def posted(client: Browser, domain: Domain) -> str:
    """Return the admin's page after the form was sent."""
    client.force_login(Account.objects.get(username="admin"))
    fields = {f.attname: getattr(domain, f.attname) for f in domain._meta.concrete_fields}
    form: dict[str, Any] = {
        name.removesuffix("_id"): value for name, value in fields.items() if value not in (None, "")
    }
    page_part = "add" if domain._state.adding else f"{domain.pk}/change"
    page = client.post(f"/admin/domains/{domain._meta.model_name}/{page_part}/", form)
    assert page.status_code == 200
    return unescape(page.content.decode())


def test_a_form_that_is_sound_is_saved_and_projected(place: Place, client: Browser) -> None:
    from tests.domains.conftest import differing

    client.force_login(Account.objects.get(username="admin"))
    form = {"moid": "m-new", "name": "New", "parent": place.service, "platform": place.platform}
    page = client.post("/admin/domains/userdomain/add/", {**form, "used": "on"})
    assert page.status_code == 302
    assert Domain.objects.get(moid="m-new").used
    assert differing(place.platform) == []


def test_somebody_was_quicker_than_the_form(
    place: Place, client: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Domain, "clean", lambda domain: None)
    client.force_login(Account.objects.get(username="admin"))
    form = {"moid": "m-new", "name": "New", "parent": place.other, "platform": place.platform}
    page = client.post("/admin/domains/userdomain/add/", form, follow=True)
    assert "Bind it to a platform domain within its reach: Away." in unescape(page.content.decode())
    assert not Domain.objects.filter(moid="m-new").exists()


def test_a_field_that_is_no_good_is_refused_by_the_flow_too(place: Place) -> None:
    fields = {"name": "New", "parent_id": place.other, "e164_prefix": "7700"}
    with pytest.raises(RuleBroken, match="already exists") as broken:
        change.create(1, **fields)
    assert broken.value.field == "e164_prefix"
    with pytest.raises(RuleBroken, match="at most 64 characters"):
        change.change(place.tenant, name="100 % too long" * 9)


def test_a_number_prefix_that_overlaps_is_refused_everywhere(place: Place) -> None:
    for prefix in ("77", "77001"):
        new = PlatformDomain(name="New", parent_id=place.other, e164_prefix=prefix)
        with pytest.raises(ValidationError, match="overlaps with 7700 of “Away”"):
            new.full_clean()
        with pytest.raises(RuleBroken, match="overlaps with 7700 of “Away”"):
            change.save_domain(new)
        with pytest.raises(RuleBroken, match="overlaps with 7700 of “Away”"):
            change.change(place.platform, e164_prefix=prefix)
    assert change.change(place.away, e164_prefix="770", name="Renamed")
    PlatformDomain.objects.filter(pk=place.platform).update(e164_prefix="77")
    assert change.change(place.platform, name="Overlaps since long ago")


def test_a_second_core_domain_is_refused_everywhere(place: Place) -> None:
    with pytest.raises(RuleBroken, match="There is one core domain"):
        change.save_domain(CoreDomain(name="Second"))
    with pytest.raises(ValidationError, match="There is one core domain"):
        CoreDomain(name="Second").full_clean()


@pytest.mark.parametrize("what", ["service", "platform", "tenant"])
def test_what_is_in_use_is_not_deleted(place: Place, client: Browser, what: str) -> None:
    moid = getattr(place, what)
    with pytest.raises(RuleBroken, match="disable it instead"):
        change.delete(moid)
    client.force_login(Account.objects.get(username="admin"))
    kind = {"service": "servicedomain", "platform": "platformdomain", "tenant": "userdomain"}[what]
    assert client.post(f"/admin/domains/{kind}/{moid}/delete/", {"post": "yes"}).status_code == 403
    assert not change.disable(moid).used


def test_a_tenant_with_a_live_conference_is_in_use(place: Place) -> None:
    from tests.admin.conftest import conference_row

    tenant = change.create(0, name="T", parent_id=place.service, platform_id=place.platform)
    conference_row(place.platform, user_domain=tenant.moid)
    with pytest.raises(RuleBroken, match="conferences: 1"):
        change.delete(tenant.moid)


def test_a_room_in_which_a_unit_stands_is_in_use(place: Place) -> None:
    from conferences.models import ResourceUnit

    room = MachineRoom.objects.create(platform_id=place.away, name="There")
    unit = {"restype": "mcu", "ip": "10.0.0.9", "room": room.moid}
    resource_unit = ResourceUnit.objects.create(**unit, registered_at="2030-01-01T00:00:00Z")
    with pytest.raises(RuleBroken, match="media units: 1"):
        change.delete_room(room.moid)
    resource_unit.delete()
    change.delete_room(room.moid)
    assert not MachineRoom.objects.filter(moid=room.moid).exists()


def test_a_room_with_tenants_stays_with_its_platform(place: Place) -> None:
    room = MachineRoom.objects.get(platform_id=place.platform)
    change.change(place.tenant, room_id=room.moid)
    room.platform_id = place.away
    with pytest.raises(ValidationError, match="bind them to another one first"):
        room.full_clean()


@pytest.mark.parametrize(
    "wrong",
    [
        lambda p: ServiceDomain(name="no parent").save(),
        lambda p: CoreDomain(name="a root with something above it", parent_id=p.service).save(),
        lambda p: CoreDomain(name="a second root").save(),
        lambda p: ServiceDomain(moid="ring", name="ring", parent_id="ring").save(),
        lambda p: ServiceDomain(name="orphan", parent_id="gone").save(),
        lambda p: Domain.objects.filter(moid=p.service).delete(),
    ],
)
def test_the_database_refuses_what_came_past_the_rules(
    place: Place, wrong: Callable[[Place], None]
) -> None:
    from django.db.models import ProtectedError

    before = Domain.objects.count()
    with pytest.raises((DatabaseError, ProtectedError)), transaction.atomic():
        wrong(place)
    assert Domain.objects.count() == before
