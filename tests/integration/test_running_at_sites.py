"""Before a domain is disabled at the core, its page says how many conferences run at which site."""

from __future__ import annotations

from typing import Any

import pytest

from conferences.data import row_mapper
from domains.data import site_counts
from domains.flows import running
from domains.models import Domain
from domains.pages.loss import describe_loss
from foundation.cells import sql
from tests.domains.conftest import place
from tests.domains.three import World, world
from tests.factories import conference
from tests.integration.test_core_while_away import Installation, installation

__all__ = ["installation", "place", "world"]

pytestmark = pytest.mark.xdist_group("domains")


def test_the_page_that_disables_a_domain_says_how_many_run_at_which_site(
    installation: Installation, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, site in enumerate((installation.east, installation.east, installation.west)):
        tenant = (
            world.tenant if site is installation.east else world.user("W", world.inner, site.moid)
        )
        installation.settle()
        c = conference(
            confid=f"c{number}", e164=f"66010{number}", user_domain=tenant, shortnum=f"0000{number}"
        )
        row = row_mapper.to_row(c)
        sql.insert(site.database, "conferences_conference", row_mapper.COLUMNS, [row])
    wait_for = site_counts.wait_for

    def answers_come(*question: Any) -> dict[str, int | None]:
        installation.settle()
        return wait_for(*question)

    monkeypatch.setattr(site_counts, "wait_for", answers_come)
    service = Domain.objects.get(moid=world.east)
    assert "Running at sites: Deep: 1, Near: 2." in describe_loss([service])
    installation.serve(installation.east.moid, installation.west.moid)
    assert "Running at sites: Deep: 1, Near: 2." in describe_loss([service])
    monkeypatch.setattr(site_counts, "wait_for", wait_for)
    monkeypatch.setattr(running, "WAIT_SECONDS", 0.1)
    assert "Running at sites: Deep: no answer, Near: no answer." in describe_loss([service])
