"""`python -m tests.simulation`: many worlds, one after the other; the first that breaks tells its story."""

from __future__ import annotations

import argparse
import os
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing import get_context

import django

# The worlds import models and message handlers, which are there once Django has loaded the apps.
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "confplatform.settings")
os.environ.setdefault("DEBUG", "true")
os.environ.setdefault("LOG_LEVEL", "WARNING")
django.setup()

from tests.simulation.weather import weather_of  # noqa: E402  # it needs the apps
from tests.simulation.world import run, sites_of  # noqa: E402  # it needs the apps

SEEDS, STEPS, JOBS = 1000, 500, 2
LAST_LINES = 60


@dataclass(frozen=True, slots=True)
class WorldReport:
    """The report says how one world went."""

    seed: int
    events: int
    seconds: float
    wrong: str = ""
    log: tuple[str, ...] = ()


def run_world(job: tuple[int, int, int]) -> WorldReport:
    """Run one world."""
    seed, steps, sites = job
    try:
        world = run(seed, steps, sites=sites)
    except Exception as error:
        world = error.world  # type: ignore[attr-defined]
        story = "".join(traceback.format_exception_only(error)).strip()
        if type(error).__name__ != "Broken":
            story = "".join(traceback.format_exception(error))
        return WorldReport(seed, world.events, world.t, story, tuple(world.log))
    return WorldReport(seed, world.events, world.t)


def run_worlds(seeds: range, steps: int, sites: int, jobs: int) -> Iterator[WorldReport]:
    """Run all, in `jobs` processes; in the order in which they end."""
    work = [(seed, steps, sites) for seed in seeds]
    if jobs == 1 or len(work) == 1:
        yield from map(run_world, work)
        return
    with get_context("fork").Pool(jobs) as pool:
        yield from pool.imap_unordered(run_world, work, chunksize=4)


def main(words: list[str] | None = None) -> int:
    """Run the worlds that were asked for; 1 when one of them is broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=SEEDS, help="how many worlds")
    parser.add_argument("--steps", type=int, default=STEPS, help="steps with faults in each")
    parser.add_argument("--seed", type=int, help="only this world, with its whole log")
    parser.add_argument("--sites", type=int, choices=(1, 2, 3), help="always so many sites")
    parser.add_argument("--jobs", type=int, default=JOBS, help="processes")
    arguments = parser.parse_args(words)
    seeds = (
        range(arguments.seeds)
        if arguments.seed is None
        else range(arguments.seed, arguments.seed + 1)
    )
    began, finished, events, virtual = time.monotonic(), 0, 0, 0.0
    failed: list[WorldReport] = []
    kinds: Counter[str] = Counter()
    for report in run_worlds(seeds, arguments.steps, arguments.sites or 0, arguments.jobs):
        finished, events, virtual = finished + 1, events + report.events, virtual + report.seconds
        count = arguments.sites or sites_of(report.seed)
        kinds[f"{count} site{'s' * (count > 1)}: {weather_of(report.seed).name}"] += 1
        if report.wrong:
            failed.append(report)
            print(f"seed {report.seed}: {report.wrong.splitlines()[-1][:160]}", flush=True)
        if finished % 100 == 0:
            took = time.monotonic() - began
            print(
                f"{finished} of {len(seeds)} worlds, {len(failed)} broken, {took:.0f} s", flush=True
            )
    took = time.monotonic() - began
    for report in sorted(failed, key=lambda report: report.seed)[:1]:
        lines = report.log if arguments.seed is not None else report.log[-LAST_LINES:]
        print(*lines, report.wrong, sep="\n")
        print(
            f"again, with the whole log: python -m tests.simulation --seed {report.seed} --steps {arguments.steps}"
        )
    print(
        f"{finished} worlds ({', '.join(f'{n} {kind}' for kind, n in sorted(kinds.items()))}),"
        f" {finished * arguments.steps} steps, {events} events, {virtual / 3600:.1f} virtual hours,"
        f" {took:.1f} s: {len(failed)} broken"
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
