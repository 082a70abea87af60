"""What is shipped for Prometheus and Grafana names metrics that the programs have, and each alert leads to its page."""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import yaml

from tests.architecture.test_tidy import PRODUCT, sources, tree

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "monitoring"
PAGE = ROOT / "docs" / "alerts.md"
OF_PROMETHEUS = {"up"}
_STRINGS = re.compile(r"\"[^\"]*\"")
_GROUPINGS = re.compile(r"\b(?:by|on|without|ignoring)\s*\([^)]*\)")
_SELECTORS = re.compile(r"\{[^}]*\}|\[[^]]*\]")
_WORDS = re.compile(r"\b[a-z][a-z0-9_]*\b(?!\s*\()")
_OPERATORS = {"and", "or", "unless", "offset", "by", "on", "sum"}


@cache
def exported() -> set[str]:
    """Return the names of all series of the programs."""
    names = set()
    for path in sources(PRODUCT):
        for call in ast.walk(tree(path)):
            if isinstance(call, ast.Call) and call.args and isinstance(call.args[0], ast.Constant):
                names |= set(_series(ast.unparse(call.func), str(call.args[0].value)))
    return names


def _series(maker: str, name: str) -> Iterator[str]:
    """Yield the names of the series of one metric, by the class or function that makes it."""
    if "gauge" in maker.lower():
        yield name
    elif maker == "Counter":
        yield f"{name.removesuffix('_total')}_total"
    elif maker == "Histogram":
        yield from (f"{name}_{end}" for end in ("bucket", "sum", "count"))


def used(expression: str) -> set[str]:
    """Return the names of the series that an expression of PromQL reads."""
    bare = _SELECTORS.sub("", _GROUPINGS.sub("", _STRINGS.sub("", expression)))
    return set(_WORDS.findall(bare)) - _OPERATORS - OF_PROMETHEUS


def alerts() -> list[dict[str, object]]:
    """Return all alert rules."""
    groups = yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def test_alerts_read_series_that_are_exported() -> None:
    reads = {str(rule["alert"]): used(str(rule["expr"])) for rule in alerts()}
    assert {
        name: series - exported() for name, series in reads.items() if series - exported()
    } == {}
    assert {"backup_age_seconds", "bus_consumers"} <= set().union(*reads.values())


def test_the_dashboard_reads_series_that_are_exported() -> None:
    panels = json.loads((FOLDER / "dashboard.json").read_text())["panels"]
    expressions = [target["expr"] for panel in panels for target in panel["targets"]]
    assert set().union(*map(used, expressions)) - exported() == set()
    assert len({panel["id"] for panel in panels}) == len(panels)


def test_each_alert_leads_to_its_chapter_and_each_chapter_has_an_alert() -> None:
    chapters = re.findall(r"^## (\w+)$", PAGE.read_text(), re.MULTILINE)
    assert chapters == [rule["alert"] for rule in alerts()]
    for rule in alerts():
        assert rule["annotations"] == {
            "summary": rule["annotations"]["summary"],  # type: ignore[index]
            "runbook_url": f"docs/alerts.md#{str(rule['alert']).lower()}",
        }
    lines = ("What it means", "What to look at", "What to do")
    assert [PAGE.read_text().count(f"- {line}: ") for line in lines] == [len(chapters)] * 3


def test_prometheus_takes_the_configuration() -> None:
    configuration = yaml.safe_load((FOLDER / "prometheus.yml").read_text())
    assert configuration["rule_files"] == ["alerts.yml"]
    jobs = {job["job_name"] for job in configuration["scrape_configs"]}
    named = {job for rule in alerts() for job in re.findall(r'job="(\w+)"', str(rule["expr"]))}
    assert named <= jobs
    if promtool := shutil.which("promtool"):  # Debian's package is large, so it is not demanded
        subprocess.run([promtool, "check", "config", FOLDER / "prometheus.yml"], check=True)
