"""Every admin page × every administrator × everything at, below, beside and above his domain.

What is allowed follows from the table of rights and from the tree alone: then the page answers him
as it answers a superuser. What lies elsewhere is as unknown as what does not exist.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from unittest import mock

import pytest
from django.contrib import admin
from django.db import transaction
from django.db.models import Model
from django.http import HttpResponseBase, HttpResponseNotAllowed, StreamingHttpResponse
from django.template.response import SimpleTemplateResponse
from django.urls import reverse

from domains.models import Account
from foundation.web.admin_base import BaseAdmin
from foundation.web.scoping import ScopedChoices
from tests.rights import pages, world
from tests.rights.conftest import SignIn
from tests.rights.pages import Page
from tests.web_clients import Browser

NOBODY = "404404404"
"""An id that nothing has; digits, since some models have numbers."""

MODELS = pages.registered()
OUTSIDERS = ("", "person-House")


def test_every_page_is_one_of_ours() -> None:
    undecided = [
        type(page).__name__
        for page in admin.site._registry.values()
        if not isinstance(page, BaseAdmin)
    ]
    assert undecided == []


@pytest.mark.parametrize("model", MODELS)
def test_somebody_has_decided_who_may_use_it(model: str) -> None:
    assert pages.unknown(model) == [], "give it an entry in CUSTOM_LISTS or CUSTOM_OBJECTS"
    assert "" not in pages.actions(model).values(), "an action names the right that it takes"
    scoped = bool(getattr(pages.page_of(model), "scope", ()))
    assert scoped == (model in world.WHOSE), "a scope on the page, and an entry in world.WHOSE"


@pytest.mark.parametrize("model", MODELS)
def test_what_is_edited_within_a_page_offers_what_is_in_scope(model: str) -> None:
    assert [
        inline for inline in pages.page_of(model).inlines if not issubclass(inline, ScopedChoices)
    ] == []


def test_the_site_has_no_address_that_nobody_decided_on() -> None:
    of_models = {p.name for model in MODELS for p in pages.page_of(model).get_urls()}
    names = {getattr(p, "name", None) for p in admin.site.get_urls()} - of_models - {None}
    assert names - pages.SITE_PAGES == set(), "add each to SITE_PAGES in tests/rights/pages.py"


# ---- one request, undone ------------------------------------------------------------------------


def ask(client: Browser, url: str, form: dict[str, Any] | None = None) -> HttpResponseBase:
    """Return a request of which nothing stays."""
    with transaction.atomic():
        answer: HttpResponseBase = client.get(url) if form is None else client.post(url, form)
        transaction.set_rollback(True)
    return answer


def unrendered(client: Browser, url: str, form: dict[str, Any] | None = None) -> Any:
    """Return a request whose page is not rendered, which takes most of the time: for answers that are only compared."""
    with mock.patch.object(SimpleTemplateResponse, "rendered_content", ""):
        return ask(client, url, form)


def text_of(answer: HttpResponseBase) -> str:
    """Return all that an answer shows."""
    if isinstance(answer, StreamingHttpResponse):
        return b"".join(answer).decode()
    page: Any = answer
    return str(page.content.decode())


def requests_of(page: Page) -> Iterator[tuple[str, dict[str, Any] | None]]:
    """Yield the verb, and what is sent: nothing (GET), or a form."""
    yield page.verb, None
    if page.name.endswith("_change"):
        yield "change", {}
    elif page.verb in ("add", "delete"):
        yield page.verb, {"post": "yes"}


def some_of(model: str, place: str) -> list[Model]:
    """Return a row of a model for each relation (own, below, beside, above), and the own account."""
    mine = f"admin-{place}"
    rows_by_relation = {
        (world.relation(row, place), getattr(row, "username", "") == mine): row
        for row in pages.rows(model)
    }
    return list(rows_by_relation.values())


def post_only(answer: HttpResponseBase) -> bool:
    """Return a page that nobody reads."""
    return isinstance(answer, HttpResponseNotAllowed) and answer.status_code == 405


def excepted(place: str, verb: str, row: Model) -> bool:
    """Tell whether it is the own domain or the own account, which nobody deletes."""
    own = row.pk == world.moid(place) or getattr(row, "username", "") == f"admin-{place}"
    return verb == "delete" and own


# ---- lists --------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", world.ADMINISTRATORS)
def test_a_list_shows_what_lies_at_or_below_and_nothing_else(place: str, sign_in: SignIn) -> None:
    root, client = sign_in("root-Above"), sign_in(f"admin-{place}")
    for model in MODELS:
        url = reverse(f"admin:{model.replace('.', '_')}_changelist")
        answer: Any = client.get(url)
        if not pages.may(place, "view", model):
            assert answer.status_code == 403, model
            continue
        assert answer.status_code == 200, model
        everything = unrendered(root, url)
        rows = everything.context_data["cl"].queryset
        wanted = {row.pk for row in rows if world.belongs(row, place)}
        assert {row.pk for row in answer.context_data["cl"].queryset} == wanted, model
        silent(place, text_of(answer), url)


@pytest.mark.parametrize("place", world.ADMINISTRATORS)
def test_pages_without_an_object_ask_for_the_right(place: str, sign_in: SignIn) -> None:
    root, client = sign_in("root-Above"), sign_in(f"admin-{place}")
    for page in (p for model in MODELS for p in pages.pages(model) if not p.of_object):
        for verb, form in requests_of(page):
            allowed = pages.may(place, verb, page.model)
            answer = ask(client, page.url(), form)
            wanted = [unrendered(root, page.url(), form).status_code] if allowed else [403]
            assert answer.status_code in wanted or post_only(answer), (page.name, verb)
            if answer.status_code == 200:
                silent(place, text_of(answer), page.url())


# ---- objects ------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", world.ADMINISTRATORS)
@pytest.mark.parametrize("part", range(3))
def test_an_object_elsewhere_does_not_exist(place: str, part: int, sign_in: SignIn) -> None:
    root, client = sign_in("root-Above"), sign_in(f"admin-{place}")
    for model in MODELS[part::3]:
        examples = some_of(model, place)
        for page in (p for p in pages.pages(model) if p.of_object):
            for verb, form in requests_of(page):
                unknown = ask(client, page.url(NOBODY), form).status_code
                for row in examples:
                    check(place, (root, client), page, row, (verb, form), unknown)


def check(
    place: str,
    browsers: tuple[Browser, Browser],
    page: Page,
    row: Model,
    request: tuple[str, dict[str, Any] | None],
    unknown: int,
) -> None:
    """Check one request for one object. `unknown`: the answer about one that does not exist."""
    verb, form = request
    root, client = browsers
    answer = ask(client, page.url(row.pk), form)
    about = (place, page.name, row.pk, verb, form)
    if not world.belongs(row, place):
        assert (answer.status_code, unknown) in ((403, 403), (404, 404)), about
    elif not pages.may(place, verb, page.model) or excepted(place, verb, row):
        assert answer.status_code == 403, about
    else:
        if form is None and verb == "view":
            assert answer.status_code == 200, about
        else:
            assert answer.status_code == _status_for_root(root, page, row, form), about
        silent(place, text_of(answer), str(about))


_statuses_for_root: dict[tuple[str, Any, bool], int] = {}


def _status_for_root(root: Browser, page: Page, row: Model, form: dict[str, Any] | None) -> int:
    """Return how a page answers a superuser, for whom it is the same in each test."""
    key = (page.name, row.pk, form is None)
    if key not in _statuses_for_root:
        _statuses_for_root[key] = unrendered(root, page.url(row.pk), form).status_code
    return _statuses_for_root[key]


def silent(place: str, text: str, address: str) -> None:
    """Assert that a page names nothing that lies beside or above the domain."""
    if place != "Crown":
        assert "beside" not in text.lower(), address
    assert "root-Above" not in text, address


# ---- actions ------------------------------------------------------------------------------------


def outcome(client: Browser, model: str, action: str, row: Model) -> str:
    """Return what became of an action on one row: a question, a file, or nothing."""
    form = {"action": action, "_selected_action": [str(row.pk)]}
    answer = ask(client, reverse(f"admin:{model.replace('.', '_')}_changelist"), form)
    if isinstance(answer, StreamingHttpResponse):
        lines = text_of(answer).splitlines()[1:]
        return f"file {lines}" if lines else "nothing"
    asks = f'name="_selected_action" value="{row.pk}"' in text_of(answer)
    return "question" if asks and 'name="confirmed"' in text_of(answer) else "nothing"


@pytest.mark.parametrize("place", world.ADMINISTRATORS)
def test_an_action_reaches_what_is_in_scope(place: str, sign_in: SignIn) -> None:
    root, client = sign_in("root-Above"), sign_in(f"admin-{place}")
    for model in MODELS:
        for action, verb in pages.actions(model).items():
            for row in some_of(model, place):
                allowed = world.belongs(row, place) and pages.may(place, verb, model)
                wanted = outcome(root, model, action, row) if allowed else "nothing"
                assert outcome(client, model, action, row) == wanted, (model, action, row.pk)


# ---- choices ------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", world.ADMINISTRATORS)
def test_choices_are_offered_from_the_scope(place: str, sign_in: SignIn) -> None:
    client = sign_in(f"admin-{place}")
    for model in MODELS:
        owner = pages.page_of(model)
        for name in {*owner.autocomplete_fields}:
            field = owner.model._meta.get_field(name)
            query = dict(zip(("app_label", "model_name"), model.split("."), strict=True))
            answer = client.get(reverse("admin:autocomplete"), {**query, "field_name": name})
            target = field.remote_field.model
            if not pages.may(place, "view", target._meta.label_lower):
                assert answer.status_code == 403, (model, name)
                continue
            offered = {result["id"] for result in answer.json()["results"]}
            rows = target._default_manager.filter(pk__in=offered)
            assert [row.pk for row in rows if not world.belongs(row, place)] == [], (model, name)


# ---- those who administer nothing ---------------------------------------------------------------


@pytest.mark.parametrize("who", OUTSIDERS)
def test_who_administers_nothing_is_sent_to_sign_in(who: str, sign_in: SignIn) -> None:
    client = sign_in(who)
    for page in (p for model in MODELS for p in pages.pages(model)):
        row = next(iter(pages.rows(page.model)), None) if page.of_object else None
        for _verb, form in requests_of(page):
            answer: Any = ask(client, page.url(row.pk if row else NOBODY), form)
            assert answer.status_code == 302, page.name
            assert "/login/" in answer["Location"], page.name


def test_an_administrator_without_domain_sees_nothing(sign_in: SignIn) -> None:
    Account.objects.filter(username="admin-House").update(domain=None)
    client = sign_in("admin-House")
    for page in (p for model in MODELS for p in pages.pages(model) if not p.of_object):
        answer = ask(client, page.url())
        assert answer.status_code == 403 or post_only(answer), page.name


@pytest.mark.parametrize("where", ["tree/?open=", "tree/?q=", "?q=", "?parent__moid__exact="])
@pytest.mark.parametrize("place", ["Hill", "Mill", "House"])
def test_an_address_typed_by_hand_tells_nothing(place: str, where: str, sign_in: SignIn) -> None:
    client, beside = sign_in(f"admin-{place}"), world.moid("Beside")
    answer = client.get(f"/admin/domains/domain/{where}{beside}", follow=True)
    text = text_of(answer).replace(beside, "")
    silent(place, text, where)


def test_the_way_to_a_domain_elsewhere_is_not_told(sign_in: SignIn) -> None:
    client, beside = sign_in("admin-Hill"), world.moid("Besidehouse")
    for kind in ("servicedomain", "userdomain", "platformdomain"):
        url = reverse(f"admin:domains_{kind}_add")
        silent("Hill", text_of(client.get(f"{url}?parent={beside}")).replace(beside, ""), kind)
