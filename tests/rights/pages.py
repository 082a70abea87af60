"""The module finds all admin pages by itself: their addresses, and the verbs of the table that they take."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.contrib.admin import ModelAdmin
from django.db.models import Model
from django.urls import reverse

from domains.rules import rights
from domains.rules.tree import CORE, PLATFORM, SERVICE, USER

admin.autodiscover()  # `registered` is called before the addresses are loaded.

LEVELS = {"Crown": CORE, "Hill": SERVICE, "Mill": PLATFORM, "House": USER}

OF_LISTS = {"changelist": "view", "add": "add"}
OF_OBJECTS = {"change": "view", "history": "view", "delete": "delete"}
"""Standard pages, and the verb that they take; posting to `change` takes `change`."""

CUSTOM_LISTS = {"domains_domain_tree": "view"}
CUSTOM_OBJECTS = {
    "domains_domain_branch": "view",
    "conferences_conference_end_this": "operate",
    "conferences_conference_move_this": "move",
    "conferences_reservation_cancel_this": "operate",
    "auth_user_password_change": "change",
}
for _kind in ("servicedomain", "platformdomain", "userdomain", "machineroom", "account"):
    _name = f"domains_{_kind}"
    CUSTOM_LISTS |= {f"{_name}_export": "view"}
    CUSTOM_LISTS |= {f"{_name}_import": "add", f"{_name}_process_import": "add"}
for _kind in ("coredomain", "servicedomain", "platformdomain", "userdomain"):
    CUSTOM_OBJECTS |= {f"domains_{_kind}_{name}_this": "change" for name in ("disable", "enable")}
"""Pages of our own, by the name of their address. A page that is in neither fails a test."""

SITE_PAGES = {"index", "login", "logout", "password_change", "password_change_done"}
SITE_PAGES |= {"autocomplete", "jsi18n", "view_on_site", "app_list", "search"}
SITE_PAGES |= {"second-factor"}
"""Addresses of the whole admin site: `index` and `autocomplete` have tests of their own."""


@dataclass(frozen=True, slots=True)
class Page:
    """An address of a model's pages, and the verb that it takes; `name`: without "admin:"."""

    model: str
    name: str
    verb: str
    of_object: bool

    def url(self, pk: Any = None) -> str:
        """Return the address of the page."""
        return reverse(f"admin:{self.name}", args=[pk] if self.of_object else [])


def registered() -> list[str]:
    """Return the labels of all models with a page."""
    return sorted(model._meta.label_lower for model in admin.site._registry)


def page_of(model: str) -> ModelAdmin[Any]:
    """Return the page of a model."""
    return admin.site._registry[apps.get_model(model)]


def pages(model: str) -> Iterator[Page]:
    """Yield the pages of a model that take a GET."""
    prefix = model.replace(".", "_")
    for pattern in page_of(model).get_urls():
        name = pattern.name
        if name is None:
            continue  # the old address of an object: it redirects
        short = name.removeprefix(f"{prefix}_")
        if short in OF_LISTS or name in CUSTOM_LISTS:
            yield Page(model, name, OF_LISTS.get(short) or CUSTOM_LISTS[name], False)
        else:
            yield Page(model, name, OF_OBJECTS.get(short) or CUSTOM_OBJECTS[name], True)


def unknown(model: str) -> list[str]:
    """Return the pages about which nobody has decided."""
    prefix = model.replace(".", "_")
    known = {f"{prefix}_{name}" for name in (*OF_LISTS, *OF_OBJECTS)} | {
        *CUSTOM_LISTS,
        *CUSTOM_OBJECTS,
    }
    return [p.name for p in page_of(model).get_urls() if p.name and p.name not in known]


def actions(model: str) -> dict[str, str]:
    """Return the actions of a list, and the verb that each takes."""
    page = page_of(model)
    verbs = {}
    for name in page.actions or ():
        (verb,) = getattr(
            name if callable(name) else getattr(page, name), "allowed_permissions", [""]
        )
        verbs[name if isinstance(name, str) else name.__name__] = verb
    return verbs


def may(place: str, verb: str, model: str) -> bool:
    """Tell whether the table allows a verb; moving a conference takes two rights."""
    if verb == "move":
        units = rights.may(LEVELS[place], "operate", "conferences.resourceunit")
        return units and rights.may(LEVELS[place], "operate", model)
    assert verb in rights.VERBS.values(), f"{model}: which right is {verb!r}?"
    return rights.may(LEVELS[place], verb, model)


def rows(model: str) -> list[Model]:
    """Return all rows that a page could show: those of its model without further restriction."""
    from django.http import HttpRequest

    from domains.models import Account

    request = HttpRequest()
    request.user = Account(is_superuser=True, is_staff=True)
    return list(page_of(model).get_queryset(request))
