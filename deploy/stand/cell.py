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

from deploy.stand.mariadb import _template_directory
from deploy.stand.server import write_private
from failover.data.cells.config import Cell
from failover.data.cells.server_process import Server


def create_data_directory(cell: Cell, templates: Path) -> None:
    """Create the data directory of a platform's database (`cell`), if there is none, by copying an empty one."""
    data = cell.directory / "data"
    if data.exists():
        return
    cell.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    copy = cell.directory / "data.new"
    subprocess.run(["cp", "-a", str(_template_directory(templates)), str(copy)], check=True)
    copy.rename(data)


def write_cells_file(
    path: Path, site: str, register: str, cells: Sequence[Cell], **limits: float
) -> None:
    """Write the file (setting CELLS_FILE) by which a site's agent knows the platform databases (cells) that it manages.

    `register` is the URL of the core's table of who serves each platform, `limits` are time limits for the agent.
    """
    rows: list[dict[str, Any]] = [
        {**asdict(cell), "directory": str(cell.directory)} for cell in cells
    ]
    contents = {"site": site, "register": register, "cells": rows, "limits": limits}
    tls = [row.pop("tls") for row in rows]
    if any(tls):
        contents["tls"] = tls[0]  # The file names it once, for all cells.
    write_private(path, json.dumps(contents, indent=1, default=str) + "\n")


def stop_database(cell: Cell) -> None:
    """Shut down the process of a platform's database. The agent must have ended, or it starts the process again."""
    Server(cell).stop()
