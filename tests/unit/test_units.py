"""The units of systemd belong to one target, have no more rights than they need, and are free of faults."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "deploy" / "systemd"
SERVICES = sorted(FOLDER.glob("*.service"))
STARTED_BY_A_TIMER = {"confplatform-backup.service"}
ANALYZE = shutil.which("systemd-analyze")
MOST_EXPOSED = 4.0
"""The highest exposure that `systemd-analyze security` may find; 10 is a service without any limits."""


@pytest.mark.parametrize("service", SERVICES, ids=lambda path: path.name)
def test_each_unit_belongs_to_the_target(service: Path) -> None:
    text = service.read_text()
    if service.name not in STARTED_BY_A_TIMER:
        assert "PartOf=confplatform.target\n" in text
        assert "WantedBy=confplatform.target\n" in text
    # The agent of a media unit alone is root, with four capabilities: Janus gets a user of its own from it.
    assert ("User=" in text) is (service.name != "confplatform-unit@.service")


@pytest.mark.skipif(ANALYZE is None, reason="needs systemd-analyze")
def test_no_unit_is_more_exposed_than_it_needs_to_be() -> None:
    for service in SERVICES:
        argv = [str(ANALYZE), "security", "--offline=true", str(service)]
        result = subprocess.run(argv, capture_output=True, text=True, check=False)
        exposure = re.search(r"Overall exposure level for \S+: ([0-9.]+)", result.stdout)
        assert exposure, result.stderr
        assert float(exposure[1]) <= MOST_EXPOSED, f"{service.name}: {exposure[1]}"
