"""The databases of each test process, filled from the same stored tables as those of a stand."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import DEFAULT_DB_ALIAS, connection, connections, transaction
from django.test import TransactionTestCase
from pytest_django import DjangoDbBlocker

from deploy.stand.schema import Tables
from deploy.stand.site import LIBRARY

KEPT = {"django_migrations", "django_content_type", "auth_permission"}
"""Tables that say the same in each test."""
ADDRESS = ("host", "port", "user", "password", "database")


@pytest.fixture(scope="session")
def django_db_setup(
    django_test_environment: None,
    django_db_modify_db_settings: None,
    django_db_blocker: DjangoDbBlocker,
) -> None:
    """Create both databases, in place of pytest-django's fixture, which runs all migrations in each process."""
    with django_db_blocker.unblock():
        for alias in ("default", "west"):
            _create_empty(alias)
        parameters = connection.get_connection_params()
        address = {name: parameters[name] for name in ADDRESS}
        Tables(LIBRARY, **address).migrate(_run_migrations)
    TransactionTestCase._fixture_teardown = _empty_tables  # type: ignore[attr-defined]


def _empty_tables(case: TransactionTestCase) -> None:
    """Delete all rows after a test that has committed.

    Django's own way runs the handlers of `post_migrate` as well, which takes longer than most of these tests.
    """
    for alias in case.databases or {DEFAULT_DB_ALIAS}:
        tables = sorted({*connections[alias].introspection.table_names()} - KEPT)
        with transaction.atomic(alias), connections[alias].cursor() as cursor:
            cursor.execute("SET FOREIGN_KEY_CHECKS = 0")
            for table in tables:
                cursor.execute(f"DELETE FROM `{table}`")
            cursor.execute("SET FOREIGN_KEY_CHECKS = 1")


def _create_empty(alias: str) -> None:
    """Create an empty database in place of what may be there, and make it the one of this alias."""
    with connections[alias]._nodb_cursor() as cursor:
        name = settings.DATABASES[alias]["TEST"]["NAME"]
        cursor.execute(f"DROP DATABASE IF EXISTS `{name}`")
        cursor.execute(f"CREATE DATABASE `{name}` CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci")
    connections[alias].close()
    settings.DATABASES[alias]["NAME"] = connections[alias].settings_dict["NAME"] = name


def _run_migrations() -> None:
    call_command("migrate", verbosity=0, interactive=False)
