"""The tree is opened level by level, shows what is bound and disabled, and leads to the forms."""

from __future__ import annotations

import re
import uuid

from django.db import connection
from django.test.utils import CaptureQueriesContext

from domains.data import tree_browser
from domains.flows import change
from domains.management.commands.load_demo import DEMO_TENANT
from domains.models import CoreDomain, Domain, Level, ServiceDomain, UserDomain
from tests.admin_tree.conftest import page, text
from tests.web_clients import Browser


def many_tenants(service: str, platform: str, count: int) -> None:
    """Tenants, written past the flow."""
    for number in range(count):
        UserDomain.objects.create(
            moid=str(uuid.uuid4()), name=f"T{number:04d}", parent_id=service, platform_id=platform
        )


def test_the_tree_begins_with_the_core_and_one_level(operator: Browser, service: str) -> None:
    page_text = text(operator.get(page("domain_tree")))
    assert CoreDomain.objects.get().name in page_text
    assert ServiceDomain.objects.get(pk=service).name in page_text
    assert DEMO_TENANT not in page_text


def test_a_branch_shows_platforms_and_tenants_with_their_binding(
    operator: Browser, service: str, platform: str
) -> None:
    page_text = text(operator.get(page("domain_branch", service)))
    assert DEMO_TENANT in page_text
    assert "bound to" in page_text
    assert page("userdomain_change", DEMO_TENANT) in page_text
    assert page("platformdomain_change", platform) in page_text


def test_a_level_is_paged_and_reads_as_often_for_many_as_for_one(
    operator: Browser, service: str, platform: str
) -> None:
    operator.get(page("domain_branch", service))
    with CaptureQueriesContext(connection) as few:
        operator.get(page("domain_branch", service))
    many_tenants(service, platform, 2 * tree_browser.PAGE)
    with CaptureQueriesContext(connection) as many:
        first = text(operator.get(page("domain_branch", service)))
    assert len(many) == len(few)
    assert first.count('class="op-leaf"') == tree_browser.PAGE
    more = re.search(r'data-source="([^"]+\?page=2)"', first)
    assert more is not None
    moids = {*re.findall(r'data-moid="([^"]+)"', first)}
    second = {*re.findall(r'data-moid="([^"]+)"', text(operator.get(more[1])))}
    assert len(second) == tree_browser.PAGE
    assert not moids & second


def test_what_is_disabled_above_shows_below(operator: Browser, service: str) -> None:
    change.disable(service)
    assert "disabled by" in text(operator.get(page("domain_branch", service)))


def test_the_tree_opens_down_to_a_domain(operator: Browser, service: str, platform: str) -> None:
    many_tenants(service, platform, 2 * tree_browser.PAGE)
    last = UserDomain.objects.get(name=f"T{2 * tree_browser.PAGE - 1:04d}")
    assert last.pk in text(operator.get(page("domain_tree", open=last.pk)))


def test_a_search_says_where_the_domain_stands(operator: Browser, service: str) -> None:
    tenant = Domain.objects.get(pk=DEMO_TENANT)
    page_text = text(operator.get(page("domain_tree", q=tenant.name[:3])))
    assert tenant.name in page_text
    assert f"{CoreDomain.objects.get().name} › " in page_text


def test_an_administrator_sees_the_own_branch_alone(administrator: Browser, service: str) -> None:
    page_text = text(administrator.get(page("domain_tree")))
    assert "Region" in page_text
    assert ServiceDomain.objects.get(pk=service).name + "<" not in page_text
    assert administrator.get(page("domain_branch", service)).status_code == 404
    name = Domain.objects.get(pk=DEMO_TENANT).name
    assert DEMO_TENANT not in text(administrator.get(page("domain_tree", q=name)))
    assert DEMO_TENANT not in text(administrator.get(page("domain_tree", open=DEMO_TENANT)))


def test_a_form_says_where_it_stands_and_leads_on_below(operator: Browser, service: str) -> None:
    page_text = text(operator.get(page("servicedomain_change", service)))
    assert CoreDomain.objects.get().name in page_text
    for kind in ("servicedomain", "platformdomain", "userdomain"):
        assert page(f"{kind}_add") + f"?parent={service}" in page_text
    added = operator.get(page("userdomain_add", parent=service))
    assert f'value="{service}" selected' in text(added)


def test_levels_come_in_order(service: str, platform: str) -> None:
    Domain.objects.create(name="Z", level=Level.SERVICE, parent_id=service)
    children, more = tree_browser.children("default", service)
    assert [child.level for child in children] == sorted(
        (child.level for child in children), reverse=True
    )
    assert not more
