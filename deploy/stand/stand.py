"""A whole installation on one machine: sites, started and stopped together."""

import fcntl
import os
import time
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import IO

from deploy.stand import owned
from deploy.stand.cells import Pair, Place
from deploy.stand.errors import StandError
from deploy.stand.parallel import Parallel
from deploy.stand.ports import MOST_UNITS, SITE_STRIDE, Ports, require_free
from deploy.stand.rabbitmq import RabbitMQ
from deploy.stand.report import Print, Report, say
from deploy.stand.site import MEDIA, SIMULATED_CONFERENCES, Site
from deploy.stand.spec import CORE, SITES, Core, SiteSpec
from deploy.stand.vault import Vault


class Stand:
    """Sites under one directory. `with Stand(...) as stand:` starts and always stops."""

    def __init__(
        self,
        root: Path,
        port_base: int,
        sites: int = 1,
        media: str = "janus",
        units: int = 2,
        conferences: int = SIMULATED_CONFERENCES,
        *,
        core: bool = False,
        cells: bool = False,
        im: bool = False,
        limits: Mapping[str, float] | None = None,
    ) -> None:
        """`cells`: two sites that back each other up, each database with a live copy at the other;
        `im`: with instant messages; `limits`: other seconds than the agents' own ones, for tests."""
        _refuse_odd(port_base, sites, media, units)
        if cells and not (core and sites == len(SITES)):
            raise StandError("cells need a core, and both sites")
        self.root = root.resolve()
        self._listening_units = units if media == "janus" else 0
        ports = Ports(Ports(port_base).core(self._listening_units))
        place = self.root / CORE.name
        known = Core(Vault.open(place), ports.http, place) if core else None
        pairs = self._pairs(port_base, ports, known, limits or {}) if cells and known else {}
        more = ",im" if im else ""
        self.sites = {
            spec.name: Site(
                replace(spec, roles=spec.roles + more),
                self.root,
                spec.first_port(port_base),
                media=media,
                units=units,
                conferences=conferences,
                core=known,
                pair=pairs.get(spec.name),
            )
            for spec in SITES[:sites]
        }
        if core:
            followers = tuple(self.sites.values())
            self.sites[CORE.name] = Site(
                CORE, self.root, ports.base, media="none", units=0, followers=followers
            )
        self._parallel = Parallel()
        self._lock: IO[str] | None = None

    def _pairs(
        self, port_base: int, core: Ports, known: Core, limits: Mapping[str, float]
    ) -> dict[str, Pair]:
        """Each site backs the other up."""
        first, second = (_place(self.root, spec, port_base) for spec in SITES)
        register = f"mysql://agent:{known.vault.register}@127.0.0.1:{core.mariadb}/{CORE.name}"
        return {
            here.name: Pair(here=here, other=other, register=register, limits=limits)
            for here, other in ((first, second), (second, first))
        }

    def start(self, report: Print = say) -> None:
        """Start everything; returns when all of it is ready, raises StandError when something is not."""
        told = Report(report)
        self.claim()
        for site in self.sites.values():
            if owned.sweep(site.directory):
                told.line(f"  {site.name}: left-overs of a previous run stopped")
            units = 0 if site.media == "none" else self._listening_units
            ports = site.ports.listeners(units)
            require_free(ports, "choose other ports with PORT_BASE=<number>")
        sites, parallel = self.sites.values(), self._parallel
        parallel.run([partial(site.start_servers, told, parallel) for site in sites])
        parallel.run([partial(site.prepare, told) for site in sites])
        parallel.run([partial(site.start_processes, told, parallel) for site in sites])
        if CORE.name in self.sites:
            with told.step(f"{CORE.name}: tree sent"):
                self._await_trees(self.sites[CORE.name])

    def _await_trees(self, core: Site) -> None:
        """Each site holds all that the core has told it."""
        deadline = time.monotonic() + 60.0
        for site in core.followers:
            while not site.follows(core):
                if site.stopping or time.monotonic() > deadline:
                    log = core.directory / "log" / "worker1.log"
                    raise StandError(f"{site.name} has not got the core's tree (log: {log})")
                time.sleep(0.1)

    def claim(self) -> None:
        """Make sure that no other process runs a stand here: they would stop each other's servers."""
        if self._lock is not None:
            return
        self.root.mkdir(parents=True, exist_ok=True)
        lock = (self.root / "stand.lock").open("a+")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            holder = lock.read().strip() or "?"
            lock.close()
            raise StandError(f"it runs already (pid {holder}); stop it with: make down") from None
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        self._lock = lock

    def stop(self, report: Print = say) -> None:
        """Stop everything, also what is still starting; safe to call twice."""
        told = Report(report)
        for site in self.sites.values():
            site.stopping = True
        sites = list(self.sites.values())
        # No agent may take over, and no commit wait for the copy at a site that is down already.
        for step in ("stop_agent", "stop_processes", "stop_servers"):
            Parallel().run([partial(getattr(site, step), told) for site in sites])
        self._parallel.drain(10.0)
        for site in self.sites.values():  # what a thread of the start may have begun meanwhile
            owned.sweep(site.directory)
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def __enter__(self) -> "Stand":
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def up_json(self) -> dict[str, object]:
        """Where everything is, as operations.md describes it."""
        demo = next(iter(self.sites.values())).demo
        return {
            "sites": {site.name: site.addresses for site in self.sites.values()},
            "accounts": demo.get("accounts", []),
            "api_key": demo.get("api_key", {}),
        }


def _place(root: Path, spec: SiteSpec, port_base: int) -> Place:
    ports, directory = Ports(spec.first_port(port_base)), root / spec.name
    vault = Vault.open(directory)
    broker = RabbitMQ(directory / "rabbitmq", ports.rabbitmq, vault.rabbitmq, node=spec.name)
    return Place(
        name=spec.name,
        number=spec.index + 1,
        directory=directory,
        vault=vault,
        port=ports.mariadb,
        web=ports.http,
        broker=broker.url("/"),
    )


def _refuse_odd(port_base: int, sites: int, media: str, units: int) -> None:
    """Say at once what can not be."""
    highest = 32000 - sites * SITE_STRIDE  # above begin the ports that the kernel hands out
    if not 1 <= sites <= len(SITES):
        raise StandError(f"SITES={sites} is not possible; choose 1 to {len(SITES)}")
    if media not in MEDIA:
        raise StandError(f"MEDIA={media} is not known; choose one of {', '.join(MEDIA)}")
    if media == "janus" and not 1 <= units <= MOST_UNITS:
        raise StandError(f"UNITS={units} is not possible; choose 1 to {MOST_UNITS}")
    if not 1024 <= port_base <= highest:
        raise StandError(
            f"PORT_BASE={port_base} is not possible; choose one from 1024 to {highest}"
        )
