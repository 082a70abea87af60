"""A real agent as a process of its own; told a point, it dies there."""

from __future__ import annotations

import argparse
import logging
import os
import signal
from pathlib import Path
from threading import Event

from failover.data.cells import config, steps
from failover.flows.cell_agent import run_agents


def main() -> None:
    """Run an agent until it is ended, or reaches the point at which it is to die."""
    parser = argparse.ArgumentParser()
    parser.add_argument("cells", type=Path)
    parser.add_argument("--die-at", default="")
    parser.add_argument("--asynchronous", action="store_true")
    arguments = parser.parse_args()
    logging.basicConfig(level="INFO", format="%(asctime)s.%(msecs)03d %(message)s", datefmt="%T")
    if arguments.asynchronous:  # the control: the rest of the agent believes that commits wait
        steps.SET_SEMI_SYNC = "SET @nothing="

    def point(name: str) -> None:
        if name == arguments.die_at:
            os.kill(os.getpid(), signal.SIGKILL)

    content = config.read_config(arguments.cells)
    end = Event()
    signal.signal(signal.SIGTERM, lambda *_: end.set())
    run_agents(content, end, point)


if __name__ == "__main__":
    main()
