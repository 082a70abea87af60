"""Define the configuration of this site's cells, the platforms' databases: a JSON file (CELLS_FILE).

Only the cell agent may read it.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from failover.rules.cell_facts import Limits
from foundation.tls import MARIADB, VERIFY_IDENTITY, UnusableUrl, check_url


class BadConfig(Exception):
    """The file CELLS_FILE cannot be read, or contradicts itself; the text says how."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFiles:
    """The files by which the databases of a site speak TLS: own certificate and key, and those who may sign (PEM)."""

    certificate: Path
    key: Path
    authorities: Path

    def client_arguments(self) -> dict[str, Any]:
        """Return the arguments of the driver's `connect` by which it checks the certificate of another database."""
        return {"ssl_mode": VERIFY_IDENTITY, "ssl": {"ca": str(self.authorities)}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A cell is one platform's data: the settings of its database at this site, and the address of the other site's."""

    platform: str
    number: int
    """The GTID domain of the cell: equal at both sites, different for each platform."""
    server: int
    """The server_id of this database process: different for each one of the installation."""
    schema: str
    directory: Path
    port: int
    bind: str = "127.0.0.1"
    peer: str
    """The other site."""
    peer_host: str
    peer_port: int
    app_password: str
    copy_password: str
    buffer_pool: str = "256M"
    health: str = ""
    """The URL of a page that answers 200 while this site's workers could serve; empty: no check."""
    tls: TlsFiles | None = None
    """`None`: connections between the sites are not encrypted. The file has it once, for all cells of the site."""

    def peer_tls(self) -> dict[str, Any]:
        """Return the arguments of the driver's `connect` for TLS to the other site's database; none without TLS."""
        return self.tls.client_arguments() if self.tls else {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Represent the configuration of a site: the databases of all its platforms, and the register of owners."""

    site: str
    register: str
    """mysql://… of the core domain's database."""
    cells: tuple[Cell, ...]
    limits: Limits = field(default_factory=Limits)
    authorities: str = ""
    """The file with those who may sign the certificate of the register's database; "": those of the system."""


def read_config(path: Path, **limits: Any) -> Config:
    """Return the configuration of the cells (the databases of this site), read from a file and checked.

    `limits`: time limits by name, used where the file has none. Raises BadConfig, whose text says what is wrong.
    """
    try:
        if path.stat().st_mode & 0o077:
            raise BadConfig(f"{path} holds passwords: nobody else may read it (chmod 600)")
        content = json.loads(path.read_text())
        tls = _read_tls(content.get("tls"))
        cells = tuple(
            Cell(**{**cell, "directory": Path(cell["directory"])}, tls=tls)
            for cell in content["cells"]
        )
        limits = {**limits, **content.get("limits", {})}
        config = Config(
            site=content["site"], register=content["register"], cells=cells, limits=Limits(**limits)
        )
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise BadConfig(f"{path}: {error}") from None
    _refuse_contradictions(config)
    return config


def _read_tls(names: dict[str, str] | None) -> TlsFiles | None:
    """Return the files for TLS that the configuration names, `None` if it names none. Raises BadConfig."""
    if names is None:
        return None
    files = {name: Path(path) for name, path in names.items()}
    for name, path in files.items():
        if not os.access(path, os.R_OK):
            raise BadConfig(f"tls, {name}: {path} cannot be read by user {os.geteuid()}")
    return TlsFiles(**files)


def _refuse_contradictions(config: Config) -> None:
    """Raise BadConfig for values that would mix up the databases of two platforms (cells), or are not allowed."""
    for name in ("platform", "number", "server", "directory", "port"):
        values = [getattr(cell, name) for cell in config.cells]
        if len(set(values)) < len(values):
            raise BadConfig(f"two cells of {config.site} have the same {name}")
    try:
        check_url(config.register, MARIADB)
    except UnusableUrl as error:
        raise BadConfig(f"register: {error}") from None
    for cell in config.cells:
        if cell.peer == config.site:
            raise BadConfig(f"{cell.platform}: a site can not be its own backup")
        if not (cell.app_password + cell.copy_password).isalnum():
            raise BadConfig(f"{cell.platform}: passwords are letters and digits, and not empty")
