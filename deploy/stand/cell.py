"""The files of one platform's cell at one site: its directory from the template, its line in CELLS_FILE.

The database process itself is started by the site's `manage.py cell_agent`, and outlives it.
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
    """Give the cell an empty data directory, if it has none; a copy takes a fiftieth of making one."""
    data = cell.directory / "data"
    if data.exists():
        return
    cell.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = cell.directory / "data.new"
    subprocess.run(["cp", "-a", str(_template(templates)), str(new)], check=True)
    new.rename(data)


def write_cells(
    path: Path, site: str, register: str, cells: Sequence[Cell], **limits: float
) -> None:
    """Write a site's CELLS_FILE."""
    rows: list[dict[str, Any]] = [
        {**asdict(cell), "directory": str(cell.directory)} for cell in cells
    ]
    contents = {"site": site, "register": register, "cells": rows, "limits": limits}
    write_private(path, json.dumps(contents, indent=1) + "\n")


def stop(cell: Cell) -> None:
    """Shut the cell's database process down; the agent must have ended before, or starts it again."""
    Server(cell).stop()
