"""After a forced takeover: what the lost site had answered, and the serving one never heard of, is listed."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connections
from pytest_django import Settings

from deploy.stand.cell import write_cells_file
from failover.data import register_view
from failover.data.cells.config import Cell
from failover.models import FailoverEvent, Register
from tests.integration.two_sites import WEST, TwoSites, copy_tables, create

pytestmark = [
    pytest.mark.xdist_group("integration"),
    pytest.mark.django_db(transaction=True, databases=["default", "west"]),
]


@pytest.fixture
def lost(two: TwoSites, settings: Settings, tmp_path: Path) -> str:
    """Let east come back after west took over by force: west knows nothing of one conference."""
    create(two, two.east, "known")
    copy_tables("default", "west")
    number = create(two, two.east, "missing")
    own, peer = (connections[name].settings_dict for name in ("default", "west"))
    address = f"{own['HOST']}:{own['PORT']}/{own['NAME']}"
    settings.REGISTER_URL = f"mysql://{own['USER']}:{own['PASSWORD']}@{address}"
    cell = Cell(
        platform=two.east,
        number=1,
        server=2,
        schema=peer["NAME"],
        directory=tmp_path,
        port=1,
        peer=WEST,
        peer_host=peer["HOST"],
        peer_port=int(peer["PORT"]),
        app_password=peer["PASSWORD"],
        copy_password="x",
    )
    file = tmp_path / "cells.json"
    write_cells_file(file, two.east, settings.REGISTER_URL, [cell])
    settings.CELLS_FILE = str(file)
    Register.objects.create(
        platform=two.east, home=two.east, backup=WEST, epoch=7, owner=WEST, solo=True, forced=True
    )
    return number


def dr(*words: str) -> str:
    """Run the command, and return its output."""
    out = StringIO()
    call_command("dr", *words, stdout=out)
    return out.getvalue()


def test_what_the_serving_site_does_not_know_is_listed_by_its_id(two: TwoSites, lost: str) -> None:
    body = json.loads(dr("salvage", two.east, "--json"))
    creates = [request for request in body if request["kind"] == "CM_MAU_CREATECONF_REQ"]
    assert [request["reqid"] for request in creates] == ["missing"]
    assert json.loads(creates[0]["answer"])["confE164"] == lost
    assert "missing" in dr("salvage", two.east)


def test_once_it_is_dealt_with_the_copy_may_be_made_anew(two: TwoSites, lost: str) -> None:
    dr("salvage", two.east, "--done", "--yes")
    assert not register_view.read().rows[two.east].forced
    assert FailoverEvent.objects.get().kind == "salvaged"
    with pytest.raises(CommandError, match="nothing can be missing"):
        dr("salvage", two.east)


def test_the_site_that_serves_has_nothing_to_salvage(two: TwoSites, lost: str) -> None:
    Register.objects.update(owner=two.east)
    with pytest.raises(CommandError, match="look at the site that lost it"):
        dr("salvage", two.east)
