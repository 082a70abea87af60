"""Two whole sites that back each other up, and what may be asked of them from outside."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from deploy.stand.cells import CellDatabase
from deploy.stand.ports import claimed_ports, ports_for
from deploy.stand.report import Report, print_line
from deploy.stand.site import Site
from deploy.stand.stand import Stand
from failover.data.cells.connection import DatabaseLink, Failure
from failover.data.cells.register import Register
from failover.data.cells.server_process import Server
from failover.rules.cell_facts import RegisterRow
from tests.failover.links import Links

LIMITS = {"well": 5.0, "longest_pause": 5.0, "takeovers": 1000}
"""Home is well after seconds already, and nobody counts the takeovers."""


class Two:
    """East and west under test; questions go to their databases themselves."""

    def __init__(self, stand: Stand, links: Links) -> None:
        self.stand, self.links = stand, links
        self.core, self.east, self.west = (stand.sites[n] for n in ("core", "east", "west"))
        self._names = {site.vault.platform_moid: name for name, site in stand.sites.items()}
        pair = self.east.pair
        assert pair is not None
        self.register_url = pair.register
        self._asked: dict[str, Register] = {}
        self._links: dict[tuple[str, str], DatabaseLink] = {}

    def other(self, site: Site) -> Site:
        """Return the site that backs this one up."""
        return self.west if site is self.east else self.east

    # ---- who serves ---------------------------------------------------------------------------

    def row(self, platform: Site) -> RegisterRow:
        """Return the register's row of a platform. Raises Failure."""
        moid = platform.vault.platform_moid
        register = self._asked.setdefault(moid, Register(self.register_url, moid, ""))
        reading = register.read()
        assert reading is not None
        return reading.row

    def owner(self, platform: Site) -> str:
        """Return the name of the cell's owner, with * where it is protected."""
        row = self.row(platform)
        return self._names[row.owner] + ("" if row.solo else "*")

    def at_rest(self, seconds: float = 120) -> float:
        """Wait until each site serves its own platform, protected; return the seconds that it took."""

        def home() -> bool:
            return all(
                self.owner(each) == f"{each.name}*" and database(each).is_open
                for each in (self.east, self.west)
            )

        return until(home, seconds, "served at home, protected")

    # ---- what a cell has ------------------------------------------------------------------------

    def link(self, of: Site, site: Site) -> DatabaseLink:
        """Connect as root to a platform's data at a site."""
        key = (of.name, site.name)
        if key not in self._links:
            cell = database(site).own if of is site else database(site).copy
            socket = str(Server(cell).socket)
            self._links[key] = DatabaseLink(
                unix_socket=socket, user="root", database=of.name, seconds=5
            )
        return self._links[key]

    def rows(self, of: Site, site: Site, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Run a query there; a connection of an earlier database process is replaced. Raises Failure."""
        try:
            result = self.link(of, site).execute(query, values)
        except Failure:
            result = self.link(of, site).execute(query, values)
        return [tuple(row.values()) for row in result]

    def running(self, of: Site, site: Site, on: Site) -> int:
        """Return how many of a platform's conferences run on one site's units, by the data of another one."""
        query = (
            "SELECT COUNT(*) FROM conferences_conference WHERE live_e164 IS NOT NULL"
            " AND state='running' AND hosting_platform=%s"
        )
        return int(self.rows(of, site, query, on.vault.platform_moid)[0][0])

    def come_back(self, site: Site) -> None:
        """Start what was killed."""
        site.come_back(Report(print_line))


def database(site: Site) -> CellDatabase:
    """Return a site's database, which is a cell."""
    assert isinstance(site.mariadb, CellDatabase)
    return site.mariadb


def until(true: Callable[[], Any], seconds: float, event: str, pause: float = 0.05) -> float:
    """Wait for it; the seconds that it took. Who does not answer has not said so."""
    began = time.monotonic()
    while not _safely(true):
        if time.monotonic() - began > seconds:
            raise AssertionError(f"not {event} after {seconds:.0f} s")
        time.sleep(pause)
    return time.monotonic() - began


def _safely(true: Callable[[], Any]) -> bool:
    try:
        return bool(true())
    except Failure:
        return False


@contextmanager
def two_sites(
    root: Path, *, media: str = "simulated", units: int = 2, **more: Any
) -> Iterator[Two]:
    """Yield core, east and west, which see each other through links that can be cut; stop them at the end."""
    limits = {**LIMITS, **more.pop("limits", {})}
    listening = units if media == "janus" else 0
    with claimed_ports(ports_for(listening, core=True), ports_for(listening)) as base:
        more |= {"sites": 2, "core": True, "cells": True, "limits": limits}
        stand = Stand(root, base, media=media, units=units, **more)
        two = Two(stand, Links(stand.sites["east"], stand.sites["west"]))
        try:
            with stand:
                yield two
        finally:
            two.links.close()
