"""The pool's script and the simulation's pool keep the same accounts, order by order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Literal

import orjson
import pytest

from conferences.data.pool import Pool, name_of, node_json
from conferences.flows import units
from conferences.rules.states import Unit
from tests.memory_pool import MemoryPool
from wire.resource_pool import (
    ExcludedUnit,
    GetResources,
    NodeState,
    ResourcesGranted,
    ResourcesUsed,
    UnitAmounts,
)

UNITS = [Unit("10.0.0.1"), Unit("10.0.0.1", "b"), Unit("10.0.0.2")]
ROOMS = ["room-a", "room-b"]
NUMBERS = [f"880000{n}" for n in range(6)]


class BothPools:
    """Two pools that get the same orders, and must answer the same."""

    def __init__(self, platform: str) -> None:
        self.real, self.model = Pool(platform), MemoryPool(platform)
        self.now = datetime(2030, 1, 1, tzinfo=UTC)

    def beat(self, unit: Unit, room: str, confs: int) -> str:
        """Handle a heartbeat with both pools, and return what both made of it."""
        self.now += timedelta(seconds=0.01)
        capacity, load = (
            {"confs": 3, "ports": 40, "hd": 1},
            {"confs": confs, "ports": 8 * confs, "hd": 0},
        )
        node = node_json(room, "main", capacity, load, draining=False)
        state = NodeState(
            restype="mcu",
            ip=unit.ip,
            pid=unit.pid,
            room=room,
            platform="main",
            capacity=UnitAmounts(**capacity),
            load=UnitAmounts(**load),
        )
        answer = self.real.run_one("state", "mcu", name_of(unit), node)
        assert answer == self.model.state(state, self.now)
        return str(answer)

    def ask(self, e164: str, places: int, hd: bool, exclude: list[Unit]) -> None:
        """Ask both pools the same question."""
        question = {"e164": e164, "rooms": ROOMS, "ports": places, "hd": int(hd), "also": []}
        answer = orjson.loads(
            self.real.run_one(
                "ask", orjson.dumps({**question, "exclude": [name_of(u) for u in exclude]}).decode()
            )
        )
        granted = self.model.ask(
            GetResources(
                user_domain="u",
                e164=e164,
                places=places,
                resolution="1080p" if hd else "720p",
                exclude=tuple(ExcludedUnit(ip=u.ip, pid=u.pid) for u in exclude),
            ),
            ROOMS,
            self.now,
        )
        assert isinstance(granted, ResourcesGranted)
        unit = Unit.of(granted.mcu)
        assert answer.get("mcu") == (name_of(unit) if unit else None)

    def became(self, state: Literal["used", "free"], unit: Unit, e164: str) -> None:
        """Report what became of a reservation."""
        real = self.real.run_one(state, "mcu", name_of(unit), e164)
        report = ResourcesUsed(e164=e164, incarnation=1, mcu=unit.as_message_field, state=state)
        assert (real == "hungry") is self.model.became(report, self.now)

    def compare(self) -> None:
        """Check that both pools have the same numbers in use."""
        for unit in self.model.nodes:
            named = [
                entry.partition("|")[0]
                for entry in self.real.run_one("in_use", "mcu", name_of(unit))
            ]
            assert sorted(named) == sorted(self.model.used_on(unit))


@pytest.mark.parametrize("seed", range(8))
def test_script_and_model_agree(platform: str, seed: int) -> None:
    rng, both = Random(seed), BothPools(platform)
    both.real.rebuild()
    for n, unit in enumerate(UNITS):
        assert both.beat(unit, ROOMS[n % 2], 0) == "new"
    for _ in range(120):
        unit, e164 = rng.choice(UNITS), rng.choice(NUMBERS)
        act = rng.randrange(4)
        if act == 0:
            both.beat(unit, ROOMS[UNITS.index(unit) % 2], rng.randrange(3))
        elif act == 1:
            both.ask(e164, rng.choice((8, 8, 32)), rng.random() < 0.2, [rng.choice(UNITS)])
        else:
            both.became(rng.choice(("used", "used", "free")), unit, e164)
        both.compare()


def test_a_unit_that_holds_less_for_long_is_counted_again(platform: str) -> None:
    both = BothPools(platform)
    both.real.rebuild()
    both.beat(UNITS[0], ROOMS[0], 0)
    both.ask(NUMBERS[0], 8, False, [])
    both.became("used", UNITS[0], NUMBERS[0])
    assert [both.beat(UNITS[0], ROOMS[0], 0) for _ in range(6)] == [
        *["known"] * 4,
        "drift",
        "known",
    ]


def test_counting_again_gives_back_what_lives_no_more(platform: str) -> None:
    both = BothPools(platform)
    both.real.rebuild()
    both.beat(UNITS[0], ROOMS[0], 0)
    both.ask(NUMBERS[0], 32, False, [])
    both.became("used", UNITS[0], NUMBERS[0])
    assert both.real.run_one("in_use", "mcu", name_of(UNITS[0])) == [f"{NUMBERS[0]}|32|0"]
    assert units.recount_places(platform, "mcu", UNITS[0]) is False
    assert both.real.run_one("in_use", "mcu", name_of(UNITS[0])) == []


def test_a_unit_that_takes_nothing_is_not_preferred(platform: str) -> None:
    both = BothPools(platform)
    both.real.rebuild()
    deaf, busy = UNITS[0], UNITS[1]
    both.beat(deaf, ROOMS[0], 0)
    both.beat(busy, ROOMS[0], 1)
    both.ask(NUMBERS[0], 8, False, [busy])
    both.became("free", deaf, NUMBERS[0])
    for number in NUMBERS[1:3]:
        both.ask(number, 8, False, [])
        both.became("used", busy, number)
    both.ask(NUMBERS[3], 8, False, [])  # the other one is full
    both.became("used", deaf, NUMBERS[3])


def test_a_unit_that_records_by_itself_is_its_own_recorder(platform: str) -> None:
    pool, capacity = Pool(platform), {"confs": 3, "ports": 40, "hd": 1}
    pool.rebuild()
    node = node_json("room-a", "main", capacity, None, draining=False)
    for kind in ("mcu", "vrs"):
        for unit in UNITS[:2]:
            pool.run_one("state", kind, name_of(unit), node)
    pool.run_one("state", "mcu", name_of(UNITS[2]), node)
    question = {"rooms": ["room-a"], "ports": 8, "hd": 0, "also": ["vrs"], "exclude": []}
    for number in NUMBERS[:4]:
        granted = orjson.loads(
            pool.run_one("ask", orjson.dumps({**question, "e164": number}).decode())
        )
        pool.run_one("used", "mcu", granted["mcu"], number)
        own = granted["mcu"] in map(name_of, UNITS[:2])
        assert granted["vrs"] == granted["mcu"] if own else granted["vrs"]


def test_a_unit_that_composes_does_so_for_its_own_conferences_alone(platform: str) -> None:
    pool, (composer, plain, mixer) = Pool(platform), UNITS
    pool.rebuild()
    capacity = {"confs": 3, "ports": 40, "hd": 1}
    for kind, unit, amounts in (
        ("mcu", composer, capacity),
        ("mps", composer, {"confs": 1}),
        ("mcu", plain, capacity),
    ):
        node = node_json("room-a", "main", amounts, None, draining=False)
        pool.run_one("state", kind, name_of(unit), node)

    def ask(e164: str, unit: Unit) -> str | None:
        """Ask for a conference on this unit, and return the composer that is granted."""
        other = plain if unit == composer else composer
        question = {"e164": e164, "rooms": ["room-a"], "ports": 8, "hd": 0, "also": ["mps"]}
        words = orjson.dumps({**question, "exclude": [name_of(other)]}).decode()
        granted: dict[str, str] = orjson.loads(pool.run_one("ask", words))
        assert granted["mcu"] == name_of(unit)
        return granted.get("mps")

    assert ask(NUMBERS[0], plain) is None
    assert ask(NUMBERS[1], composer) == name_of(composer)
    assert ask(NUMBERS[2], composer) is None, "it may compose one"
    node = node_json("room-a", "main", {"confs": 3}, None, draining=False)
    pool.run_one("state", "mps", name_of(mixer), node)
    assert ask(NUMBERS[3], plain) == name_of(mixer)
