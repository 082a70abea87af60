"""A database made by an earlier release migrates to this one, and people go on using it."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import MySQLdb
import pytest
from django.conf import settings
from django.db import connection
from MySQLdb.constants import CLIENT

HERE = Path(__file__).parent
PLATFORM = "1408e667-de40-4f1e-95c6-740a05e16e4b"
"""The platform of the site from which the dump was taken."""
API_KEY = {
    "oauth_consumer_key": "3eaedd98d691da90",
    "oauth_consumer_secret": "750cb1f95751cd283cb2cafdabce3d82",
}
ANNA = {"username": "anna", "password": "8jsmUTPw9Qpc"}
"""A program and a person of the dump, which was made from demonstration data."""


@pytest.fixture
def old_database(db: None) -> Iterator[str]:
    """Yield the name of a database that holds what release 0.1.0 left behind."""
    name = f"test_upgrade_{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}"
    parameters = connection.get_connection_params()
    parameters |= {"client_flag": CLIENT.MULTI_STATEMENTS, "database": ""}
    for unknown_before_the_database_exists in ("conv", "isolation_level"):
        parameters.pop(unknown_before_the_database_exists, None)
    with closing(MySQLdb.connect(**parameters)) as server:
        cursor = server.cursor()
        _run(cursor, f"DROP DATABASE IF EXISTS {name}; CREATE DATABASE {name} CHARSET utf8mb4")
        with gzip.open(HERE / "release_0_1_0.sql.gz", "rt") as dump:
            _run(cursor, f"USE {name}; {dump.read()}")
        yield name
        _run(cursor, f"DROP DATABASE {name}")


def _run(cursor: Any, statements: str) -> None:
    cursor.execute(statements)
    while cursor.nextset() is not None:
        pass


def test_a_database_of_release_0_1_0_migrates_and_is_used(old_database: str) -> None:
    url = os.environ["TEST_DATABASE_URL"].rpartition("/")[0] + f"/{old_database}"
    own = {name.removeprefix("TEST_"): value for name, value in os.environ.items()}
    env = own | {
        "DATABASE_URL": url,
        "PLATFORM_MOID": PLATFORM,
        "DJANGO_SETTINGS_MODULE": "confplatform.settings",
        "REQUIRE_SECOND_FACTOR": "false",
        "API_KEY": json.dumps(API_KEY),
        "PERSON": json.dumps(ANNA),
    }
    program = [sys.executable, "-m", "tests.upgrade.use_release"]
    result = subprocess.run(
        program, cwd=settings.BASE_DIR, env=env, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    body = json.loads(result.stdout.splitlines()[-1])
    assert body["signed_in"] == "anna"
    assert body["conferences"] == {"880000000": "first", "880000001": "second"}
    assert body["messages"] == 13
    assert set(body["pages"].values()) == {200}
    assert body["ended"] is True
