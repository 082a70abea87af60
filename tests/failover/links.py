"""The ways between two whole sites, and from each to the register, as TCP stand-ins that can be cut.

Copies of databases, brokers and the register; the core's own ways to the sites stay whole.
"""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlsplit

from deploy.stand.cells import CellDatabase
from deploy.stand.site import Site
from tests.failover.cut import Cut


class Links:
    """Put between east and west before they start."""

    def __init__(self, east: Site, west: Site) -> None:
        self._ways: dict[tuple[str, str], list[Cut]] = {}
        self._lay(east, west)
        self._lay(west, east)

    def cut(self, *, forth: bool = True, back: bool = True) -> None:
        """Hold what east sends to west (`forth`), what west sends to east, or both."""
        for (site, other), cuts in self._ways.items():
            for cut in cuts if "core" not in (site, other) else ():
                from_east = site == "east"
                cut.cut(
                    forth=forth if from_east else back,
                    back=back if from_east else forth,
                )

    def isolate(self, site: str) -> None:
        """Cut a site off from the other site and from the register."""
        for ends, cuts in self._ways.items():
            for cut in cuts if site in ends else ():
                cut.cut()

    def heal(self) -> None:
        """Let everything through again."""
        for cuts in self._ways.values():
            for cut in cuts:
                cut.heal()

    def close(self) -> None:
        """Take no connection any more."""
        for cuts in self._ways.values():
            for cut in cuts:
                cut.close()

    def _lay(self, site: Site, other: Site) -> None:
        """Let the site `here` connect through stand-ins from now on."""
        cell = site.mariadb
        assert isinstance(cell, CellDatabase)
        ends = (site.name, other.name)
        cell.own, cell.copy = (
            replace(c, peer_port=self._through(ends, c.peer_port)) for c in cell.cells
        )
        cell.cells = (cell.own, cell.copy)
        cell.register = self._url((site.name, "core"), cell.register)
        peer, _, url = site.env["PEERS"].partition("=")
        site.env |= {"PEERS": f"{peer}={self._url(ends, url)}", "REGISTER_URL": cell.register}
        site.processes = site._processes()
        cell.agent = site._process("agent", ["manage.py", "cell_agent"])

    def _through(self, ends: tuple[str, str], port: int) -> int:
        made = Cut(0, port)
        self._ways.setdefault(ends, []).append(made)
        return made.port

    def _url(self, ends: tuple[str, str], url: str) -> str:
        port = urlsplit(url).port
        assert port is not None
        return url.replace(f":{port}", f":{self._through(ends, port)}", 1)
