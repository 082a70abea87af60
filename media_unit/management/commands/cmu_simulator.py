"""`manage.py cmu_simulator` runs many simulated media units in one process, with faults on demand."""

from __future__ import annotations

import argparse
import gc
import os
import random
import signal
from pathlib import Path
from typing import Any, TypedDict, Unpack

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from foundation import clock
from foundation.bus.amqp import BROKER_ERRORS
from media_unit.simulated_faults import FaultOrder, FaultyUnit
from media_unit.simulated_unit import SimulatedUnit, UnitDescription
from media_unit.simulator import CONTROL_QUEUE, Simulator, send_fault_orders

EXAMPLES = """\
examples:
  cmu_simulator --units 20 --conferences 200
  cmu_simulator --units 3 --fault refuse:s3 --fault late:0.1:seconds=6
  cmu_simulator --set die:s2:seconds=20        (tells the running simulator)
  cmu_simulator --set none                     (all faults end)

faults: NAME[:UNIT or SHARE][:share=0..1][:seconds=N]
  refuse    creates and restores are refused (29015)
  silent    does what it is told, says nothing but its heartbeats
  late      answers N seconds late (6)
  twice     answers twice
  die       drops everything, no heartbeat; back empty after N seconds, or never
  freeze    stops; goes on with what it had after N seconds, or never
  old_list  N seconds from now it starts again with what it holds now
  none      ends all faults; the dead and the frozen come back

The control queue takes JSON: {"unit": "s3" or "*", "fault": NAME, "seconds": N, "share": 0..1}, or
what somebody in a conference wishes: {"unit": "s3", "do": "rename", "confE164", "confname"},
{"do": "extend", "confE164", "delay"}, {"do": "end", "confE164"}."""


class Options(TypedDict):
    """The arguments of the command, as `add_arguments` describes them."""

    units: int
    conferences: int
    ports: int | None
    hd: int | None
    ip: str
    prefix: str
    platform: str | None
    room: str | None
    vrs: bool
    fault: list[str]
    set: list[str]
    broker: str | None
    control_queue: str


class Command(BaseCommand):
    """The command runs simulated media units, or gives orders to running ones. It needs no database."""

    help = "Plays simulated media units (tests, load, demonstrations), or gives orders to them."
    requires_system_checks: list[str] = []

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Return the parser; it keeps the line breaks of the examples in its help."""
        parser = super().create_parser(prog_name, subcommand, epilog=EXAMPLES, **kwargs)
        parser.formatter_class = argparse.RawDescriptionHelpFormatter
        return parser

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the options for units, their capacity and their faults."""
        env = os.environ.get
        add = parser.add_argument
        add("--units", type=int, default=20, help="how many (20)")
        add("--conferences", type=int, default=200, help="conferences per unit (200)")
        add("--ports", type=int, help="places per unit (8 per conference)")
        add("--hd", type=int, help="conferences in 1080p per unit (as --conferences)")
        add("--ip", default=env("CMU_IP", "127.0.0.1"), help="address of all units (CMU_IP)")
        add("--prefix", default="s", help="their names are s1, s2, ...")
        add("--platform", help="platform MOID that they register for (PLATFORM_MOID)")
        add("--room", default=env("CMU_ROOM"), help="machine room MOID (CMU_ROOM)")
        add("--vrs", action="store_true", help="register as recorders too")
        add("--fault", action="append", default=[], metavar="FAULT", help="from the start")
        add("--set", action="append", default=[], metavar="FAULT", help="tell a running simulator")
        add("--broker", help="AMQP URL (AMQP_URL)")
        add("--control-queue", default=CONTROL_QUEUE, help=f"takes orders ({CONTROL_QUEUE})")

    def handle(self, *args: object, **options: Unpack[Options]) -> None:
        """Run simulated media units until SIGTERM; or, with `--set`, tell running ones to have faults, and return.

        Raises CommandError for a fault that cannot be read, or without a broker.
        """
        broker = options["broker"] or settings.AMQP_URL
        now = clock.now()
        try:
            orders = [FaultOrder.parse(text) for text in options["set"]]
            faults = [FaultOrder.parse(text) for text in options["fault"]]
        except ValueError as error:
            raise CommandError(str(error)) from None
        if orders:
            try:
                send_fault_orders(broker, orders, options["control_queue"], now)
            except BROKER_ERRORS as error:
                raise CommandError(f"the broker does not take it: {error}") from None
            return
        units = _simulated_units(options)
        for fault in faults:
            for unit in units:
                if fault.unit in ("*", unit.unit.description.label):
                    unit.apply_fault(fault, now)
        directory = os.environ.get("CMU_DIR")
        ready = Path(directory) / "ready" if directory else None
        queue = options["control_queue"]
        simulator = Simulator(broker, units, control_queue=queue, ready=ready)
        for wanted in (signal.SIGTERM, signal.SIGINT):
            signal.signal(wanted, lambda *_: simulator.stop())
        gc.freeze()  # Django's modules need not be looked at again and again
        simulator.run()


def _simulated_units(options: Options) -> list[FaultyUnit]:
    """Return the simulated units that the options describe. Raises CommandError."""
    confs, count = options["conferences"], options["units"]
    if not 0 < count <= 1000 or confs < 0:
        raise CommandError("--units must lie between 1 and 1000, --conferences not below 0")
    platform = options["platform"] or settings.PLATFORM_MOID
    descriptions = [
        UnitDescription(
            ip=options["ip"],
            pid=f"{options['prefix']}{number}",
            platform=platform,
            room=options["room"],
            confs=confs,
            ports=confs * 8 if options["ports"] is None else options["ports"],
            hd=confs if options["hd"] is None else options["hd"],
            vrs=options["vrs"],
        )
        for number in range(1, count + 1)
    ]
    # The phase spreads the heartbeats of all units evenly over time.
    return [
        FaultyUnit(SimulatedUnit(description), random.random, phase=index / count)
        for index, description in enumerate(descriptions)
    ]
