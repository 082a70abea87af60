"""`python -m benchmarks [name …]`: run benchmarks, print tables, keep the figures as JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import create, propagation, restore, search, signins, takeover, timers, tree
from benchmarks.chat import run as chat

ALL: dict[str, Callable[[], list[dict[str, Any]]]] = {
    "create": create.run,
    "propagation": propagation.run,
    "restore": restore.run,
    "takeover": takeover.run,
    "timers": timers.run,
    "signins": signins.run,
    "tree": tree.run,
    "im": chat.run,
    "im-search": search.run,
}
RESULTS = Path(__file__).parent / "results"


def main(names: list[str]) -> int:
    """Run the named benchmarks, or all."""
    if unknown := set(names) - ALL.keys():
        print(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(ALL)}")
        return 2
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
