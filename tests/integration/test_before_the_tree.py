"""A site may be provisioned before the core has told it the tree: it says what it waits for, and refuses politely."""

from __future__ import annotations

import json

import pytest
from django.conf import settings
from django.core.management import call_command
from django.http import HttpRequest
from pytest_django import Settings

from conferences.models import Conference
from domains.flows import change
from foundation.bus.models import Outbox, Parked
from foundation.web import health
from licensing.data.queries import state_of
from tests.integration.conftest import create, do, sent_codes

pytestmark = pytest.mark.xdist_group("integration")


@pytest.fixture
def new_site(transactional_db: None) -> str:
    """Return the MOID of a platform that is provisioned but has no tree yet."""
    call_command("provision", verbosity=0)
    return str(settings.PLATFORM_MOID)


def test_a_create_before_the_tree_is_there_is_refused(new_site: str) -> None:
    do(new_site, create("r1"), create("r2", confE164="880012345"))
    assert sent_codes() == ["29002", "29002"]
    assert not Parked.objects.exists()


def test_the_evaluation_licence_is_there_before_the_tree(new_site: str) -> None:
    licence = state_of(new_site).licence
    assert licence is not None
    assert licence.evaluation


def test_readyz_says_what_the_site_waits_for(new_site: str, settings: Settings) -> None:
    settings.CORE_MOID = "somebody-else"
    answer = health.readyz(HttpRequest())
    assert answer.status_code == 503
    assert json.loads(answer.content)["tree"] == "waits for the core to send the tree"
    call_command("load_demo", verbosity=0)
    assert json.loads(health.readyz(HttpRequest()).content)["tree"] == "ok"


def test_a_site_of_its_own_is_told_to_make_its_domain(new_site: str) -> None:
    assert "make it in the admin" in json.loads(health.readyz(HttpRequest()).content)["tree"]


def test_numbers_begin_with_the_prefix_as_soon_as_the_platform_is_known(new_site: str) -> None:
    call_command("load_demo", verbosity=0)
    do(new_site, create("r1"))
    assert Conference.objects.get().e164 == "880000000"


def test_numbers_follow_a_changed_prefix(place: str) -> None:
    do(place, create("r1"))
    change.change(place, e164_prefix="77")
    do(place, create("r2"))
    numbers = Conference.objects.order_by("created_at").values_list("e164", flat=True)
    assert list(numbers) == ["880000000", "7700001"]
    assert Outbox.objects.count() >= 2
