"""All stories of faults on one site with real media units; prints the table."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

from tests.sites import running_site
from tests.stories.faults import BY_NAME, FAULTS
from tests.stories.manager import Manager
from tests.stories.story import tell


def main(names: list[str]) -> int:
    """Tell the named stories, or all; how many went wrong."""
    if unknown := set(names) - BY_NAME.keys():
        print(f"no fault {', '.join(sorted(unknown))}; there are: {', '.join(BY_NAME)}")
        return 2
    chosen = [fault for fault in FAULTS if not names or fault.name in names]
    table, wrong = [], 0
    with (
        tempfile.TemporaryDirectory(prefix="chaos-") as directory,
        running_site(Path(directory), "janus", 2) as site,
    ):
        manager = Manager(site.rabbitmq.url("/"))
        for number, fault in enumerate(chosen, 1):
            print(f"{number} of {len(chosen)}: {fault.name}", flush=True)
            try:
                table.append(asyncio.run(tell(site, manager, fault)).line())
            except Exception as broken:
                wrong += 1
                table.append(f"{fault.name:30} BROKEN: {type(broken).__name__}: {broken}")
            print("   " + table[-1], flush=True)
        manager.close()
    print("\n" + "\n".join(table))
    print(f"\n{len(chosen) - wrong} passed, {wrong} failed")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
