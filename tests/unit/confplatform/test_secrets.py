"""Secrets come from variables or from files, never from both, and what is missing is said in a sentence."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from confplatform.settings_parts.site_env import SiteEnv
from foundation.secret_files import SECRETS

ROOT = Path(__file__).parents[3]


def test_each_secret_may_lie_in_a_file(tmp_path: Path) -> None:
    variables = {}
    for name in SECRETS:
        path = tmp_path / name
        path.write_text(f"value-of={name}\n")
        variables[f"{name}_FILE"] = str(path)
    env = SiteEnv(variables)
    assert {name: env.str(name) for name in SECRETS} == {n: f"value-of={n}" for n in SECRETS}
    assert env.dict("PEERS") == {"value-of": "PEERS"}


def test_a_secret_given_twice_missing_or_empty_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    both = {"AMQP_URL": "amqp://x", "AMQP_URL_FILE": str(path)}
    with pytest.raises(ImproperlyConfigured, match="AMQP_URL and AMQP_URL_FILE: set only one"):
        SiteEnv(both)
    del both["AMQP_URL"]
    with pytest.raises(ImproperlyConfigured, match=r"AMQP_URL_FILE: .*secret cannot be read"):
        SiteEnv(both)
    path.write_text(" \n")
    with pytest.raises(ImproperlyConfigured, match=r"AMQP_URL_FILE: .*secret is empty"):
        SiteEnv(both)


def test_the_page_lists_all_secrets() -> None:
    page = (ROOT / "docs" / "configuration.md").read_text()
    paragraph = page.partition("These are secrets:")[2].partition("## ")[0]
    assert set(re.findall(r"`([A-Z_]+)`", paragraph)) - {"DEBUG", "_FILE"} == set(SECRETS)
