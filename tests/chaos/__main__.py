"""The program runs all stories of faults, group by group, and prints the table."""

from __future__ import annotations

import argparse
import logging
import os
import sys
import tempfile
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import django

from benchmarks.bench_site import in_memory
from deploy.stand.interrupts import raise_when_asked_to_end
from tests.chaos.story import Stories

GROUPS = {
    "one-site": "tests.chaos.one_site",
    "cells": "tests.chaos.cells",
    "two-sites": "tests.chaos.two_sites",
    "reservations": "tests.chaos.reservations",
    "living": "tests.chaos.living",
    "crash-and-clock": "tests.chaos.crash_and_clock",
    "full-disk": "tests.chaos.full_disk",
    "peer-away": "tests.chaos.peer_away",
    "open-api": "tests.chaos.open_api",
    "chat": "tests.chaos.chat",
    "stages": "tests.chaos.stages",
    "plugins": "tests.chaos.plugins",
    "chat-moves": "tests.chaos.chat_moves",
    "visibility": "tests.chaos.visibility",
    "installed": "tests.chaos.installed",
}


def main(words: list[str]) -> int:
    """Tell the named groups or stories, or all; 1 where one went wrong, 2 where there is none such."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    groups_help = f"a group ({', '.join(GROUPS)}), or a story as the table names it; all by default"
    parser.add_argument("names", nargs="*", metavar="name", help=groups_help)
    names: list[str] = parser.parse_args(words).names
    raise_when_asked_to_end()
    _with_models()
    groups = [name for name in names if name in GROUPS] or list(GROUPS)
    wanted = [name for name in names if name not in GROUPS]
    table = [line for group in groups for line in _group(group, wanted)]
    print("\n" + "\n".join(table))
    broken = sum(" BROKEN: " in line for line in table)
    print(f"\n{len(table) - broken} passed, {broken} failed")
    if wanted and not table:
        print(f"no story {', '.join(wanted)} in {', '.join(groups)}")
        return 2
    return 1 if broken else 0


def _group(group: str, wanted: list[str]) -> list[str]:
    """Run all stories of a group in one world, and go on after those that fail."""
    print(f"{group}:", flush=True)
    lines = []
    with tempfile.TemporaryDirectory(prefix="chaos-", dir=in_memory()) as directory:
        told: Callable[[Path], Stories] = import_module(GROUPS[group]).stories
        for name, tell in told(Path(directory)):
            if wanted and name not in wanted:
                continue
            lines.append(f"{group:10} {name:46} {_outcome_of(tell)}")
            print("   " + lines[-1], flush=True)
    return lines


def _with_models() -> None:
    """Cells make the tables of models; no server that these settings name is ever asked."""
    for name in ("SECRET_KEY", "PLATFORM_MOID"):
        os.environ.setdefault(name, "of-chaos-alone")
    os.environ.setdefault("DATABASE_URL", "mysql://app:none@127.0.0.1:1/none")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "confplatform.settings")
    django.setup()
    logging.getLogger("pika").setLevel(logging.CRITICAL)  # brokers are away as a matter of course


def _outcome_of(tell: Callable[[], str]) -> str:
    began = time.monotonic()
    try:
        outcome = tell()
    except Exception as broken:
        outcome = f"BROKEN: {type(broken).__name__}: {broken}"
    return f"{time.monotonic() - began:6.1f} s  {outcome}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
