"""The environment says which platforms' data a site has, and who makes its tables."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from foundation.cells.router import OwnOnly

OWN, WEST, NORTH = "own", "west-moid", "north-moid"
_SAY = (
    "import json; from confplatform import settings as s;"
    " print(json.dumps({'stores': s.PLATFORM_STORES, 'databases': {name: [d['HOST'], d['PORT'], d['NAME'],"
    " d['PASSWORD'], d['OPTIONS']['isolation_level']] for name, d in s.DATABASES.items()}}))"
)


def settings_of(**more: str) -> subprocess.CompletedProcess[str]:
    """Return the settings of a process with this environment and no other."""
    fields = {"PATH": os.environ["PATH"], "SECRET_KEY": "x", "PLATFORM_MOID": OWN, **more}
    argv = [sys.executable, "-c", _SAY]
    return subprocess.run(argv, env=fields, capture_output=True, text=True, check=False)


def read(**more: str) -> dict[str, Any]:
    """Return what the settings say of stores and databases."""
    result = settings_of(**more)
    assert result.returncode == 0, result.stderr
    values: dict[str, Any] = json.loads(result.stdout)
    return values


def test_a_site_alone_has_its_own_data_only() -> None:
    assert list(read()["stores"]) == [OWN]


def test_each_possible_platform_has_an_alias_and_a_redis_of_its_own_after_our_own() -> None:
    values = read(
        POSSIBLE_DATABASES=f"{WEST}=mysql://app:pa=ss@10.0.0.1:4000/west,{NORTH}=mysql://app:b@h:1/north",
        POSSIBLE_REDIS=f"{NORTH}=redis://:x@h:2/1,{WEST}=redis://:x@h:2/3",
    )
    assert list(values["stores"]) == [OWN, WEST, NORTH]
    assert values["stores"][WEST] == [WEST, "redis://:x@h:2/3"]
    host, port, name, password, isolation = values["databases"][WEST]
    assert (host, str(port), name, password) == ("10.0.0.1", "4000", "west", "pa=ss")
    assert isolation == values["databases"]["default"][-1] == "read committed"


@pytest.mark.parametrize(
    ("databases", "caches", "why"),
    [
        (f"{WEST}=mysql://a:b@h:1/w", "", "is in only one of them"),
        ("", f"{WEST}=redis://h:1/0", "is in only one of them"),
        (f"{OWN}=mysql://a:b@h:1/w", f"{OWN}=redis://h:1/0", "the own database is DATABASE_URL"),
    ],
)
def test_what_does_not_fit_is_refused_at_start(databases: str, caches: str, why: str) -> None:
    result = settings_of(POSSIBLE_DATABASES=databases, POSSIBLE_REDIS=caches)
    assert result.returncode != 0
    assert why in result.stderr


def test_tables_are_made_in_our_own_data_alone() -> None:
    router = OwnOnly()
    assert router.allow_migrate("default", "conferences")
    assert not router.allow_migrate(WEST, "conferences", model_name="conference")
