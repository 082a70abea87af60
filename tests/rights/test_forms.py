"""No form lets people give more than they have, or change what is decided above them."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from domains.models import Account, ApiKey, Domain, MachineRoom, ServiceDomain, UserDomain
from tests.rights.conftest import SignIn
from tests.rights.world import moid
from tests.web_clients import Browser

PASSWORDS = {"password1": "Long-enough-4711", "password2": "Long-enough-4711"}


def add(client: Browser, model: str, **fields: Any) -> Any:
    """Send the form of a new thing."""
    return client.post(reverse(f"admin:{model}_add"), fields)


def change(client: Browser, model: str, pk: object, **fields: Any) -> Any:
    """Send the form of a thing."""
    return client.post(reverse(f"admin:{model}_change", args=[pk]), fields)


def form_of(client: Browser, model: str, pk: object) -> dict[str, Any]:
    """Return the fields that the browser would send back unchanged."""
    page: Any = client.get(reverse(f"admin:{model}_change", args=[pk]))
    form = page.context_data["adminform"].form
    fields = {name: form[name].value() for name in form.fields}
    for formset in (f.formset for f in page.context_data["inline_admin_formsets"]):
        fields |= {f"{formset.prefix}-TOTAL_FORMS": 0, f"{formset.prefix}-INITIAL_FORMS": 0}
    return {name: value for name, value in fields.items() if value not in (None, False)}


# ---- people -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("who", "where", "allowed"),
    [
        ("House", "House", True),
        ("House", "Cottage", False),
        ("House", "Hill", False),
        ("Hill", "Cottage", True),
        ("Hill", "Crown", False),
        ("Hill", "Besidehouse", False),
    ],
)
def test_people_are_made_at_the_own_domain_or_below(
    who: str, where: str, allowed: bool, sign_in: SignIn
) -> None:
    add(sign_in(f"admin-{who}"), "domains_account", username="new", domain=moid(where), **PASSWORDS)
    assert Account.objects.filter(username="new", domain=moid(where)).exists() is allowed


def test_administrators_are_made_but_no_superusers(sign_in: SignIn) -> None:
    client, pk = sign_in("admin-House"), Account.objects.get(username="person-House").pk
    form = form_of(client, "domains_account", pk)
    change(client, "domains_account", pk, **form, is_staff="on", is_superuser="on")
    person = Account.objects.get(pk=pk)
    assert (person.is_staff, person.is_superuser) == (True, False)


def test_a_superuser_makes_superusers(sign_in: SignIn) -> None:
    client, pk = sign_in("root-Above"), Account.objects.get(username="person-House").pk
    form = form_of(client, "domains_account", pk)
    change(client, "domains_account", pk, **form, is_staff="on", is_superuser="on")
    assert Account.objects.get(pk=pk).is_superuser


@pytest.mark.parametrize("who", ["admin-Hill", "root-Above"])
def test_nobody_changes_his_own_standing(who: str, sign_in: SignIn) -> None:
    client, before = sign_in(who), Account.objects.get(username=who)
    form = form_of(client, "domains_account", before.pk) | {"first_name": "New"}
    for name in ("is_staff", "is_active", "is_superuser"):
        form.pop(name, None)
    change(client, "domains_account", before.pk, **{**form, "domain": moid("Dale")})
    after = Account.objects.get(pk=before.pk)
    assert after.first_name == "New"
    standing = ("domain_id", "is_staff", "is_active", "is_superuser")
    assert [getattr(after, n) for n in standing] == [getattr(before, n) for n in standing]


def test_nobody_moves_people_out_of_his_scope(sign_in: SignIn) -> None:
    client, pk = sign_in("admin-Hill"), Account.objects.get(username="person-House").pk
    form = form_of(client, "domains_account", pk) | {"domain": moid("Besidehouse")}
    assert change(client, "domains_account", pk, **form).status_code == 200
    assert Account.objects.get(pk=pk).domain_id == moid("House")


def test_the_password_of_a_superuser_is_out_of_reach(sign_in: SignIn) -> None:
    root = Account.objects.get(username="root-Above")
    page = reverse("admin:auth_user_password_change", args=[root.pk])
    for who in ("admin-House", "admin-Crown"):
        assert sign_in(who).post(page, PASSWORDS).status_code == 404
    assert Account.objects.get(pk=root.pk).password == root.password


def test_a_key_is_made_for_the_own_tenant_only(sign_in: SignIn) -> None:
    client = sign_in("admin-House")
    for domain in ("House", "Cottage", "Hill"):
        add(client, "domains_apikey", name=f"new {domain}", domain=moid(domain), enabled="on")
    owners = ApiKey.objects.filter(name__startswith="new").values_list("domain_id", flat=True)
    assert [*owners] == [moid("House")]


# ---- the tree -----------------------------------------------------------------------------------


def test_a_service_administrator_makes_domains_below_his_own(sign_in: SignIn) -> None:
    client = sign_in("admin-Hill")
    for up in ("Hill", "Dale", "Crown", "Beside"):
        add(client, "domains_servicedomain", name=f"under {up}", parent=moid(up), moid=f"x-{up}")
    parents = ServiceDomain.objects.filter(name__startswith="under").values_list(
        "parent_id", flat=True
    )
    assert {*parents} == {moid("Hill"), moid("Dale")}


def test_nothing_is_moved_out_of_the_scope(sign_in: SignIn) -> None:
    client = sign_in("admin-Hill")
    form = form_of(client, "domains_servicedomain", moid("Dale"))
    change(client, "domains_servicedomain", moid("Dale"), **form | {"parent": moid("Beside")})
    assert Domain.objects.get(pk=moid("Dale")).parent_id == moid("Hill")


def test_the_own_domain_keeps_its_place_and_its_allowances(sign_in: SignIn) -> None:
    client, pk = sign_in("admin-Hill"), moid("Hill")
    change(client, "domains_servicedomain", pk, name="Mount", parent=moid("Dale"))
    mount = Domain.objects.get(pk=pk)
    assert (mount.name, mount.parent_id, mount.used) == ("Mount", moid("Crown"), True)


def test_a_tenant_is_bound_to_what_its_service_domain_borrows_from_above(sign_in: SignIn) -> None:
    client = sign_in("admin-Dale")
    new = {"name": "Hut", "parent": moid("Dale"), "moid": "hut", "used": "on"}
    add(client, "domains_userdomain", **new, platform=moid("Besidemill"))
    assert not UserDomain.objects.filter(pk="hut").exists()
    add(client, "domains_userdomain", **new, platform=moid("Mill"))
    assert UserDomain.objects.get(pk="hut").platform_id == moid("Mill")


def test_a_room_is_made_in_the_own_platform(sign_in: SignIn) -> None:
    client = sign_in("admin-Mill")
    for up in ("Mill", "Besidemill"):
        add(client, "domains_machineroom", name="new", platform=moid(up), order=1, moid=f"r-{up}")
    assert [r.platform_id for r in MachineRoom.objects.filter(name="new")] == [moid("Mill")]


# ---- where the tree follows a core --------------------------------------------------------------

TREE = ["userdomain", "servicedomain", "machineroom", "account", "apikey"]


@pytest.mark.parametrize("model", TREE)
@pytest.mark.parametrize("who", ["admin-Crown", "root-Above"])
def test_a_site_that_follows_a_core_edits_nothing_and_says_where(
    who: str, model: str, sign_in: SignIn, settings: Any
) -> None:
    settings.CORE_MOID, settings.CORE_URL, settings.ROLES = "core", "https://core.example", {"css"}
    client = sign_in(who)
    page = client.get(reverse(f"admin:domains_{model}_changelist"))
    assert 'href="https://core.example/admin/"' in page.content.decode()
    assert client.get(reverse(f"admin:domains_{model}_add")).status_code == 403


def test_a_core_edits_its_tree(sign_in: SignIn, settings: Any) -> None:
    settings.CORE_MOID, settings.ROLES = "core", {"bmc"}
    assert sign_in("admin-Crown").get(reverse("admin:domains_servicedomain_add")).status_code == 200
