"""`python -m benchmarks [name …]`: run benchmarks, print tables, keep the figures as JSON."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import (
    calls,
    create,
    films,
    propagation,
    push,
    reservations,
    restore,
    search,
    signins,
    social,
    takeover,
    timers,
    tree,
)
from benchmarks.chat import run as chat
from deploy.stand.interrupts import raise_when_asked_to_end

ALL: dict[str, Callable[[], list[dict[str, Any]]]] = {
    "calls": calls.run,
    "create": create.run,
    "films": films.run,
    "propagation": propagation.run,
    "push": push.run,
    "reservations": reservations.run,
    "restore": restore.run,
    "takeover": takeover.run,
    "timers": timers.run,
    "signins": signins.run,
    "tree": tree.run,
    "im": chat.run,
    "im-search": search.run,
    "social": social.run,
}
RESULTS = Path(__file__).parent / "results"


def main(words: list[str]) -> int:
    """Run the named benchmarks, or all; write the rows that each returns to a JSON file, and print them. Return 0.

    `words`: the command line's arguments, names of benchmarks. An unknown name ends the program
    with a message.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=f"of {', '.join(ALL)}")
    names: list[str] = parser.parse_args(words).names
    if unknown := set(names) - ALL.keys():
        parser.error(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(ALL)}")
    raise_when_asked_to_end()
    RESULTS.mkdir(exist_ok=True)
    for name in names or list(ALL):
        rows = ALL[name]()
        (RESULTS / f"{name}.json").write_text(json.dumps(rows, indent=1) + "\n")
        print(f"\n{name}")
        for row in rows:
            print("  " + row["what"])
            print("    " + "  ".join(f"{k} {v}" for k, v in row.items() if k != "what"))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
