"""The metrics of cells say who serves each platform, and that nothing is known while the register is away."""

from __future__ import annotations

from datetime import timedelta

import pytest
from pytest_django import Settings

from failover.data import cell_metrics, register_view
from failover.data.register_view import Failure, RegisterView
from failover.rules.cell_facts import RegisterRow
from failover.rules.decisions import AgentReport


def values() -> dict[tuple[str, ...], float]:
    """Return all values by name and labels."""
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in cell_metrics.gauges()
        for sample in family.samples
    }


def test_a_platform_that_its_backup_serves_alone_is_seen(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.REGISTER_URL = ""
    assert values() == {}
    settings.REGISTER_URL = "mysql://core"
    row = RegisterRow(platform="p", home="e", backup="w", epoch=3, owner="w", solo=True)
    reports = {"p": {"w": AgentReport(well=True, age=timedelta(seconds=2))}}
    view = RegisterView(rows={"p": row}, reports=reports)
    monkeypatch.setattr(register_view, "read", lambda: view)
    assert values() == {
        ("register_up",): 1,
        ("cell_unprotected", "p"): 1,
        ("cell_away_from_home", "p"): 1,
        ("cell_epoch", "p"): 3,
        ("cell_well", "p", "w"): 1,
        ("cell_report_age_seconds", "p", "w"): 2,
    }


def test_a_register_that_does_not_answer_is_said(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> RegisterView:
        raise Failure(2003, "away")

    settings.REGISTER_URL = "mysql://core"
    monkeypatch.setattr(register_view, "read", fail)
    assert values() == {("register_up",): 0}
