"""The tree is made at a core, a site follows it, and people meet at the site."""

from __future__ import annotations

import json
import os
import subprocess
from typing import Any

import pytest

from deploy.stand.guide import guide
from deploy.stand.site import PYTHON, REPOSITORY, Site
from deploy.stand.stand import Stand
from tests import licences
from tests.http.program import Program

pytestmark = pytest.mark.xdist_group("with_core")


def manage(site: Site, *words: str) -> str:
    """Return the output of a command in a site's environment."""
    process = subprocess.run(
        [str(PYTHON), "manage.py", *words],
        cwd=REPOSITORY,
        env={**os.environ, **site.env},
        capture_output=True,
        text=True,
        check=False,
    )
    return process.stdout


def counted(site: Site) -> str:
    """Return the metrics as Prometheus reads them."""
    status, content = Program(site).raw("GET", "/metrics")
    assert status == 200
    return content.decode()


def test_up_json_names_the_core_and_an_administrator_of_each_level(with_core: Stand) -> None:
    up: Any = with_core.up_json
    assert list(up["sites"]) == ["east", "core"]
    assert {account["role"] for account in up["accounts"]} == {
        "operator",
        "user",
        "core administrator",
        "service administrator",
        "platform administrator",
        "user domain administrator",
    }
    assert up["sites"]["core"]["http"] in guide(up)


@pytest.mark.parametrize("name", ["east", "core"])
def test_core_and_site_are_ready_and_countable(with_core: Stand, name: str) -> None:
    site = with_core.sites[name]
    ready = json.loads(Program(site).raw("GET", "/readyz")[1])
    assert {part: state for part, state in ready.items() if state not in ("ok", True)} == {}
    assert "database_up 1" in counted(site)


def test_the_core_is_linked_with_the_site(with_core: Stand) -> None:
    core, east = with_core.sites["core"], with_core.sites["east"].vault.platform_moid
    metrics = counted(core)
    assert f'bus_link_up{{destination="{east}"}} 1.0' in metrics
    assert f'bus_peer_consumers{{peer="{east}"}} 1.0' in metrics


def test_doctor_finds_the_core_well(with_core: Stand) -> None:
    report = json.loads(manage(with_core.sites["core"], "doctor", "--json"))
    assert [finding for finding in report["findings"] if finding["wrong"]] == []


def test_a_person_of_the_core_s_tree_holds_a_conference_at_the_site(with_core: Stand) -> None:
    program = Program(with_core.sites["east"])
    program.log_in("anna")
    created = program.create(conf_type=0)
    assert created["success"] == 1
    assert created["conf_id"].startswith("8800")
    assert program.delete(f"mc/confs/{created['conf_id']}")["success"] == 1


def test_a_licence_that_the_core_issues_is_taken_at_the_site(with_core: Stand) -> None:
    core, east = with_core.sites["core"], with_core.sites["east"]
    keys = ("--key", str(core.directory / "license.signing.key"))
    issue = licences.next_issue(east.vault.platform_moid, core, east)
    platform = ("--platform", east.vault.platform_moid, "--issue", str(issue), "--small", "50")
    text = manage(core, "license_issue", *keys, *platform)
    path = east.directory / "issued.licence"
    path.write_text(text)
    assert "loaded" in manage(east, "license_import", str(path))
