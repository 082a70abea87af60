"""A stand is a whole installation of the platform on one machine: sites that are started and stopped together."""

import fcntl
import os
import time
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import IO

from deploy.stand import owned
from deploy.stand.cells import Pair, PairedSite
from deploy.stand.errors import StandError
from deploy.stand.parallel import Parallel
from deploy.stand.ports import MOST_UNITS, SITE_STRIDE, Ports, require_free
from deploy.stand.rabbitmq import RabbitMQ
from deploy.stand.report import Print, Report, print_line
from deploy.stand.server import Server
from deploy.stand.site import MEDIA, SIMULATED_CONFERENCES, Site
from deploy.stand.spec import CORE, SITES, Core, SiteSpec
from deploy.stand.vault import Vault

TREE_SECONDS = 60.0
FIRST_KERNEL_PORT = 32000  # from here on the kernel gives ports to outgoing connections


class Stand:
    """A stand is an installation of all sites on this machine, with its files under one directory.

    `with Stand(...) as stand:` starts it, and deletes it at the end.
    """

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
        xmpp: bool = False,
        sip: bool = False,
        stages: bool = False,
        limits: Mapping[str, float] | None = None,
    ) -> None:
        """Prepare the sites without starting them. Raises StandError for impossible arguments.

        `units`: media units of each site. `conferences`: how many one simulated unit can hold. `core`: a further site
        where domains and accounts are edited. `cells`: two sites back each other up, with copies of their databases.
        `im`: with instant messages. `xmpp`: also for clients of XMPP. `sip`: telephones call in. `stages`: each stage
        of the message center is a process. `limits`: time limits of the sites' agents, for tests.
        """
        _check_arguments(port_base, sites, media, units)
        if cells and not (core and sites == len(SITES)):
            raise StandError("cells need a core, and both sites")
        self.root = root.resolve()
        self._listening_units = units if media == "janus" else 0
        core_ports = Ports(Ports(port_base).core(self._listening_units))
        directory = self.root / CORE.name
        core_facts = Core(Vault.open(directory), core_ports.http, directory) if core else None
        pairs = self._pairs(port_base, core_ports, core_facts if cells else None, limits or {})
        self.sites = {
            spec.name: Site(
                _with_parts(spec, im=im, xmpp=xmpp, sip=sip, stages=stages),
                self.root,
                spec.first_port(port_base),
                media=media,
                units=units,
                conferences=conferences,
                core=core_facts,
                pair=pairs.get(spec.name),
            )
            for spec in SITES[:sites]
        }
        if core:
            self._add_core(core_ports)
        self._parallel = Parallel()
        self._lock: IO[str] | None = None

    def _add_core(self, ports: Ports) -> None:
        """Add the core, the central site where domains and accounts are edited; all other sites copy them."""
        followers = tuple(self.sites.values())
        self.sites[CORE.name] = Site(
            CORE, self.root, ports.base, media="none", units=0, followers=followers
        )

    def _pairs(
        self, port_base: int, core_ports: Ports, core: Core | None, limits: Mapping[str, float]
    ) -> dict[str, Pair]:
        """Return what each site, given by name, must know of the other site, its backup; {} without a core."""
        if core is None:
            return {}
        first, second = (_paired_site(self.root, spec, port_base) for spec in SITES)
        register = f"mysql://agent:{core.vault.register}@127.0.0.1:{core_ports.mariadb}/{CORE.name}"
        return {
            site.name: Pair(here=site, other=other, register=register, limits=limits)
            for site, other in ((first, second), (second, first))
        }

    def supervise_servers(self) -> None:
        """Let servers that die be started again, as our own processes are. Tests restart their servers themselves."""
        for site in self.sites.values():
            for server in site.servers:
                if isinstance(server, Server):
                    server.supervised = True

    def start(self, report: Print = print_line) -> None:
        """Start all sites, and return when all processes are ready. Raises StandError if one does not become ready."""
        progress = Report(report)
        self.claim()
        for site in self.sites.values():
            if owned.stop_all(site.directory):
                progress.line(f"  {site.name}: left-overs of a previous run stopped")
            units = 0 if site.media == "none" else self._listening_units
            ports = site.ports.listeners(units)
            require_free(ports, "choose other ports with PORT_BASE=<number>")
        sites, parallel = self.sites.values(), self._parallel
        parallel.run([partial(site.start_servers, progress, parallel) for site in sites])
        parallel.run([partial(site.prepare, progress) for site in sites])
        parallel.run([partial(site.start_processes, progress, parallel) for site in sites])
        if CORE.name in self.sites:
            with progress.step(f"{CORE.name}: tree sent"):
                self._wait_for_trees(self.sites[CORE.name])

    def _wait_for_trees(self, core: Site) -> None:
        """Wait until each site has applied the tree of domains and accounts that the core has sent. Raises StandError.

        The core is the central site, where they are edited.
        """
        deadline = time.monotonic() + TREE_SECONDS
        for site in core.followers:
            while not has_tree_of(site, core):
                if site.stopping or time.monotonic() > deadline:
                    log = core.directory / "log" / "worker1.log"
                    raise StandError(f"{site.name} has not got the core's tree (log: {log})")
                time.sleep(0.1)

    def claim(self) -> None:
        """Lock this installation's directory, so that no other process uses it. Raises StandError if one does.

        Two installations in one directory would stop each other's servers.
        """
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

    def stop(self, report: Print = print_line) -> None:
        """Stop all processes and servers, also those that are still starting. It may be called twice."""
        progress = Report(report)
        for site in self.sites.values():
            site.stopping = True
        sites = list(self.sites.values())
        # Agents are stopped first: they would take over the platform of a site that is stopped.
        for step in ("stop_agent", "stop_processes", "stop_servers"):
            Parallel().run([partial(getattr(site, step), progress) for site in sites])
        self._parallel.wait_for_rest(10.0)
        # A thread of `start` may have started a process meanwhile.
        for site in self.sites.values():
            owned.stop_all(site.directory)
        self._release_lock()

    def discard(self) -> None:
        """Kill all processes and delete the servers' data, but not the logs; ten times as fast as `stop`."""
        for site in self.sites.values():
            site.stopping = True
        Parallel().run([site.discard for site in self.sites.values()])
        self._parallel.wait_for_rest(10.0)
        # A thread of `start` may have started a process meanwhile.
        for site in self.sites.values():
            owned.kill_all(site.directory)
        self._release_lock()

    def _release_lock(self) -> None:
        """Release the lock that keeps a second installation from using the same directory."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def __enter__(self) -> "Stand":
        """Start all sites, and return this stand (the trial installation).

        If a part does not start, stop all others.
        """
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Kill all processes and delete the data of this installation, which nobody uses after the `with` block."""
        self.discard()

    @property
    def up_json(self) -> dict[str, object]:
        """Return the content of var/up.json: addresses of all sites, accounts, API key (see docs/operations.md)."""
        demo = next(iter(self.sites.values())).demo
        return {
            "sites": {site.name: site.addresses for site in self.sites.values()},
            "accounts": demo.get("accounts", []),
            "api_key": demo.get("api_key", {}),
        }


def _paired_site(root: Path, spec: SiteSpec, port_base: int) -> PairedSite:
    """Return the addresses and secrets of a site that the other site of its pair must know, before either starts."""
    ports, directory = Ports(spec.first_port(port_base)), root / spec.name
    vault = Vault.open(directory)
    broker = RabbitMQ(directory / "rabbitmq", ports.rabbitmq, vault.rabbitmq, node=spec.name)
    return PairedSite(
        name=spec.name,
        number=spec.index + 1,
        directory=directory,
        vault=vault,
        port=ports.mariadb,
        web=ports.http,
        broker=broker.url("/"),
    )


def _with_parts(spec: SiteSpec, *, im: bool, xmpp: bool, sip: bool, stages: bool) -> SiteSpec:
    """Return the specification of a site that also has these parts, which `Stand` describes."""
    roles = spec.roles + (",im" if im else "")
    return replace(spec, roles=roles, xmpp=xmpp, sip=sip, stages=stages)


def has_tree_of(site: Site, core: Site) -> bool:
    """Return whether a site has applied all domains and accounts that the core, the central site, has sent."""
    query = "SELECT sent FROM domains_follower WHERE base IS NOT NULL AND platform="
    count = core.mariadb.sql(f"{query}'{site.vault.platform_moid}'", core.name)
    received = site.mariadb.sql("SELECT version FROM domains_followed", site.name)
    return bool(count and received) and int(received) >= int(count)


def _check_arguments(port_base: int, sites: int, media: str, units: int) -> None:
    """Raise StandError if a number of sites, media units or first port, or a kind of media, is not possible."""
    highest = FIRST_KERNEL_PORT - sites * SITE_STRIDE
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
