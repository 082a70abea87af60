"""Silence: of units, of their hearts, of a manager. One story of fifteen seconds, looked at from all sides."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from deploy.stand.site import Site
from tests.wire.actors import ANSWERED_WITHIN, FROM_UNIT, TENANT, Asker, Manager, MediaUnit
from tests.wire.conftest import Units, a_manager, a_third_partys_manager, some_units
from tests.wire.line import Line, ReceivedMessage, Tap
from tests.wire.saying import start

pytestmark = pytest.mark.xdist_group("wire")

UNIT_ANSWERS_IN = 4.0


class Silence:
    """A heart stops, one create meets a silent unit first, another one silent units only, and a
    manager does not answer a unit: all at once, because each takes its time."""

    def __init__(self, line: Line, cm: Manager, units: Units) -> None:
        self.line, self.cm = line, cm
        self.losses = Tap(line, FROM_UNIT)
        self.dead = units(pid="s1", capacity={"confs": 1, "ports": 8, "hd": 0})
        self.lost = start(cm, self.dead)
        self.renaming = units(capacity={"confs": 1, "ports": 8, "hd": 0})
        self.named = start(cm, self.renaming)["confE164"]
        self.living = [units() for _ in range(4)]
        self.promised = units(capacity={"confs": 1, "ports": 8, "hd": 0})
        self.asker = Asker(line)
        assert self.asks_for_the_promised("9900001")
        self._begin()

        self.first, self.order = self._first_told(
            "MAU_MCU_CREATECONF_REQ", confname="One is silent"
        )
        others = [unit for unit in self.living if unit is not self.first]
        self.second, self.next_order = self._first_told(
            "MAU_MCU_CREATECONF_REQ", others, confname="One is silent"
        )
        self.second.accepts(self.next_order)
        self.ack = cm.answer(self.one_is_silent)
        self.nack = cm.answer(self.all_are_silent)
        self.new, self.restore = self._first_told("MAU_CMU_RESTORECONF_REQ")
        self.new.accepts(self.restore)

    def asks_for_the_promised(self, number: str) -> bool:
        """Ask for the one place of a unit, and tell whether it is given."""
        rest = [unit.me for unit in (self.dead, self.renaming, *self.living)]
        given = self.asker.ask(confE164=number, exclude=rest).body.get("mcu") or {}
        return bool(given.get("ip") == self.promised.ip)

    def _begin(self) -> None:
        self.dead.falls_silent()
        wish = {"reqid": "n1", "confE164": self.named, "confname": "Never"}
        self.renaming.says("MCU_MAU_MODIFYCONFNAME_REQ", **wish)
        self.began = time.monotonic()
        self.one_is_silent = self.cm.asks_to_create(confname="One is silent")
        self.all_are_silent = self.cm.asks_to_create(confname="All are silent")

    def _first_told(
        self, wire_type: str, units: list[MediaUnit] | None = None, **fields: str
    ) -> tuple[MediaUnit, ReceivedMessage]:
        """Return the unit that received a message of this type, and the message."""

        def told() -> tuple[MediaUnit, ReceivedMessage] | None:
            for unit in units or self.living:
                for order in unit.has_heard(wire_type, **fields):
                    unit.heard.remove(order)
                    return unit, order
            return None

        return self.line.wait(told, 40, lambda: f"{wire_type} {fields}")


@pytest.fixture(scope="module")
def silence(site: Site, line: Line) -> Iterator[Silence]:
    """Yield the story, told once."""
    with (
        some_units(site, line) as units,
        a_third_partys_manager(line),
        a_manager(site, line) as cm,
    ):
        story = Silence(line, cm, units)
        yield story
        story.losses.leave()
        story.asker.leave()


def test_a_unit_that_is_silent_for_four_seconds_is_left_for_the_next_one(silence: Silence) -> None:
    assert silence.next_order.at - silence.order.at > UNIT_ANSWERS_IN - 0.5
    assert silence.next_order["confE164"] == silence.order["confE164"]
    assert silence.next_order["incarnation"] == silence.order["incarnation"] + 1
    assert silence.ack["type"] == "MAU_CM_CREATECONF_ACK"
    assert silence.ack["mcu"] == silence.second.me


def test_the_silent_unit_is_told_to_drop_it_and_its_late_answer_is_a_ghosts(
    silence: Silence,
) -> None:
    number, incarnation = silence.order["confE164"], silence.order["incarnation"]
    silence.first.drops(number, incarnation)
    silence.first.accepts(silence.order)
    silence.first.drops(number, incarnation)
    assert silence.cm.sees(number, "running")["mcu"] == silence.second.me


def test_three_silent_units_are_29016_within_fifteen_seconds(silence: Silence) -> None:
    nack = silence.nack
    assert (nack["type"], nack["errcode"]) == ("MAU_CM_CREATECONF_NACK", "29016")
    assert nack.at - silence.began <= ANSWERED_WITHIN


def test_no_more_than_three_are_tried_and_each_is_told_to_drop_it(silence: Silence) -> None:
    orders = [
        (unit, order)
        for unit in silence.living
        for order in unit.has_heard("MAU_MCU_CREATECONF_REQ", confname="All are silent")
    ]
    assert len(orders) == 3
    for unit, order in orders:
        unit.drops(order["confE164"], order["incarnation"])


def test_a_heart_that_is_silent_for_twelve_seconds_is_a_loss_and_one_that_beats_is_not(
    silence: Silence,
) -> None:
    (notice,) = silence.losses.has_heard("RMS_CSS_NODELOST_NTF")
    assert notice.body == {
        "type": "RMS_CSS_NODELOST_NTF",
        "restype": "mcu",
        **silence.dead.me,
    }
    assert notice.at - silence.began > 9


def test_what_ran_on_the_lost_unit_runs_on_another_one(silence: Silence) -> None:
    number = silence.lost["confE164"]
    assert silence.restore["confE164"] == number
    assert silence.restore["incarnation"] == silence.lost["incarnation"] + 1
    assert silence.cm.sees(number, "running")["mcu"] == silence.new.me


def test_a_manager_that_does_not_answer_is_29021_and_its_late_answer_counts_no_more(
    silence: Silence,
) -> None:
    question = silence.cm.hears("MAU_CM_MODIFYCONFNAME_REQ")
    nack = silence.renaming.hears("MAU_MCU_MODIFYCONFNAME_NACK", reqid="n1")
    assert nack["errcode"] == "29021"
    same = {name: question[name] for name in ("reqid", "confE164")}
    silence.cm.sends({"type": "CM_MAU_MODIFYCONFNAME_ACK", **same})
    silence.line.quiet()
    assert not silence.renaming.has_heard("MAU_MCU_MODIFYCONFNAME_ACK")
    listed = silence.cm.lists(TENANT)["confs"]
    assert {c["confname"] for c in listed if c["confE164"] == silence.named} == {"Board"}


def test_places_that_were_promised_and_not_used_are_free_again_after_fifteen_seconds(
    silence: Silence,
) -> None:
    def free() -> bool | None:
        return silence.asks_for_the_promised("9900002") or None

    silence.line.wait(free, 20, lambda: "the promise lapses")
    assert time.monotonic() - silence.began > 13
