"""Raw SQL names tables of its own app alone: a column that is renamed breaks nobody at run time elsewhere."""

from __future__ import annotations

import ast
import re

from django.apps import apps

from tests.architecture.test_tidy import PRODUCT, name_of, sources, tree

OWN_CONNECTIONS = {"failover/data/cells"}
"""The cell agent reads `stores_cell` of databases that Django does not know, by connections of its own."""


def owners() -> dict[str, str]:
    """Return the folder that owns each of our tables."""
    return {
        model._meta.db_table: model._meta.app_config.name.replace(".", "/")
        for model in apps.get_models(include_auto_created=True)
        if not model._meta.proxy and model._meta.app_config.name.partition(".")[0] in PRODUCT
    }


def test_raw_sql_names_no_table_of_another_app() -> None:
    owner_of = owners()
    table = re.compile(r"\b(" + "|".join(sorted(owner_of, key=len, reverse=True)) + r")\b")
    strangers = [
        f"{name_of(path)}:{node.lineno} names {name}, which belongs to {owner_of[name]}:"
        " let its data/queries.py or data/lookups.py answer"
        for path in sources(PRODUCT)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        for name in table.findall(node.value)
        if not name_of(path).startswith((owner_of[name] + "/", *OWN_CONNECTIONS))
    ]
    assert strangers == []


def test_the_tables_are_seen() -> None:
    assert owners()["domains_account"] == "domains"
    assert owners()["bus_outbox"] == "foundation/bus"
