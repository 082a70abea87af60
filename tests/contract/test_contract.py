"""The wire is a public interface: golden bodies parse and print equal, routes are those of `routes.csv`."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from foundation.bus import registry
from foundation.bus.message import TYPES, dumps, from_body, loads, to_body
from wire.routes import DEAD_QUEUE, Routes, gate_key, gate_queue, pms_queue, unit_key, unit_queue

HERE = Path(__file__).parent
GOLDEN = {path.stem: json.loads(path.read_text()) for path in sorted(HERE.glob("*.json"))}


@pytest.mark.parametrize("wire_type", GOLDEN)
def test_a_golden_body_parses_and_prints_equal(wire_type: str) -> None:
    body: dict[str, Any] = GOLDEN[wire_type]
    assert body["type"] == wire_type
    message = registry.read_message(loads(json.dumps(body).encode()))
    assert message.type == wire_type
    assert loads(dumps(to_body(message))) == body


@pytest.mark.parametrize("wire_type", sorted(TYPES))
def test_every_type_has_its_golden_body_with_every_field(wire_type: str) -> None:
    assert wire_type in GOLDEN, f"write tests/contract/{wire_type}.json"
    spelt = set(TYPES[wire_type].__struct_encode_fields__)
    assert spelt == GOLDEN[wire_type].keys() - {"type"}


def test_every_golden_body_is_of_a_known_type() -> None:
    passed = tuple(prefix for prefix, _ in registry.PASSED_ON)
    assert [t for t in GOLDEN if t not in TYPES and not t.startswith(passed)] == []


def test_unknown_fields_are_ignored_and_passed_on_where_a_message_is_forwarded() -> None:
    body = GOLDEN["CM_MAU_RELEASECONF_REQ"]
    read = registry.read_message({**body, "new": 1})
    assert read == from_body(type(read), body)
    assert to_body(registry.read_message(GOLDEN["CM_MCU_MUTE_REQ"]))["unknown"] == {"kept": True}


# ---- routes -------------------------------------------------------------------------------------


def _table() -> list[tuple[str, str, str, str]]:
    with (HERE / "routes.csv").open(newline="") as lines:
        return [(r["exchange"], r["kind"], r["key"], r["queue"]) for r in csv.DictReader(lines)]


def test_the_table_of_routes_is_that_of_the_wire() -> None:
    written = {row for row in _table() if "<" not in row[2]}
    coded = {
        (r.value.exchange, r.value.kind, r.value.key, r.value.queue)
        for r in Routes
        if r is not Routes.CSS_TO_UNIT
    }
    assert coded == written


def test_names_with_a_place_for_one_party() -> None:
    named = {row for row in _table() if "<" in row[2]}
    unit, gates = Routes.CSS_TO_UNIT.value, Routes.TO_GATES.value
    assert named == {
        (unit.exchange, unit.kind, unit_key("<ip>"), unit_queue("<ip>")),
        (unit.exchange, unit.kind, unit_key("<ip>", "<pid>"), unit_queue("<ip>", "<pid>")),
        (gates.exchange, gates.kind, gate_key("<ip>", "<pid>"), gate_queue("<ip>", "<pid>")),
        ("", "direct", pms_queue("<platform moid>"), pms_queue("<platform moid>")),
    }
    assert DEAD_QUEUE == "mau.dead.q"
