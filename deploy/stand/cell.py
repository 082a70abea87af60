"""The module prepares the files of a cell (a platform's database) at a site: its data directory, and the CELLS_FILE.

A cell is one platform's data: a database at its own site, and a copy at another one. The site's agent, `manage.py
cell_agent`, starts the database process, which goes on running when the agent ends.
"""

import json
import subprocess
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from deploy.stand.mariadb import _template
from deploy.stand.server import write_private
from failover.data.cells.config import Cell
from failover.data.cells.server_process import Server


def prepare(cell: Cell, templates: Path) -> None:
    """Give a cell (a database of one platform) an empty data directory, if it has none, by copying a template."""
    data = cell.directory / "data"
    if data.exists():
        return
    cell.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    copy = cell.directory / "data.new"
    subprocess.run(["cp", "-a", str(_template(templates)), str(copy)], check=True)
    copy.rename(data)


def write_cells(
    path: Path, site: str, register: str, cells: Sequence[Cell], **limits: float
) -> None:
    """Write a site's CELLS_FILE, which tells the agent its cells, the URL of the register, and time limits."""
    rows: list[dict[str, Any]] = [
        {**asdict(cell), "directory": str(cell.directory)} for cell in cells
    ]
    contents = {"site": site, "register": register, "cells": rows, "limits": limits}
    write_private(path, json.dumps(contents, indent=1) + "\n")


def stop(cell: Cell) -> None:
    """Shut the cell's database process down. The agent must have ended before, or it starts the process again."""
    Server(cell).stop()
