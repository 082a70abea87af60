"""A site of the stand is a small data centre: three servers, and our own processes with their environment."""

import json
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from deploy.stand import owned, programs
from deploy.stand.cells import CellDatabase, Pair, register_user
from deploy.stand.ejabberd import Ejabberd, xmpp_server
from deploy.stand.environment import environment
from deploy.stand.errors import StandError
from deploy.stand.front import front
from deploy.stand.mariadb import MariaDB, single_database
from deploy.stand.parallel import Parallel
from deploy.stand.ports import Ports, http_get, why_not_ready
from deploy.stand.process import Process
from deploy.stand.rabbitmq import CLIENTS_VHOST, RabbitMQ, clients_broker_of
from deploy.stand.redis import Redis
from deploy.stand.report import Report
from deploy.stand.schema import Tables
from deploy.stand.server import Server, write_private
from deploy.stand.spec import Core, SiteSpec
from deploy.stand.telephones import TelephoneServers
from deploy.stand.turn import turn_server
from deploy.stand.vault import Vault

REPOSITORY = Path(__file__).resolve().parents[2]
LIBRARY = REPOSITORY / "var" / "lib"  # programs and templates, for all stands of this clone
PYTHON = REPOSITORY / ".venv" / "bin" / "python"
MEDIA = ("janus", "simulated", "none")
SIMULATED_CONFERENCES = 200
PYTHON_VARIABLES = {"PYTHONUNBUFFERED": "1", "TZ": "UTC"}


class Site:
    """A site has one directory and one block of ports.

    `core`: the site whose domain tree this site copies, if any. `followers`: the sites that copy this site's tree.
    `pair`: this site and the one that backs it up, if any. `conferences`: how many one simulated media unit can hold.
    """

    def __init__(
        self,
        spec: SiteSpec,
        root: Path,
        port_base: int,
        *,
        media: str,
        units: int,
        conferences: int = SIMULATED_CONFERENCES,
        core: Core | None = None,
        followers: "Sequence[Site]" = (),
        pair: Pair | None = None,
    ) -> None:
        """Prepare the site in its directory below `root`. `media` says what its `units` media units are (`MEDIA`)."""
        self.spec, self.name = spec, spec.name
        self.directory = root.resolve() / spec.name
        self.ports = Ports(port_base)
        self.media = media
        self.units = units
        self.conferences = conferences
        self.vault = vault = Vault.open(self.directory)
        self.core, self.followers, self.pair = core, followers, pair
        self.stopping = False
        self.library = LIBRARY
        self.mariadb: MariaDB | CellDatabase = (
            CellDatabase(pair, LIBRARY)
            if pair
            else single_database(self.directory, self.ports, vault, LIBRARY)
        )
        self.redis = Redis(self.directory / "redis", self.ports.redis, vault.redis)
        self.rabbitmq = RabbitMQ(
            self.directory / "rabbitmq",
            self.ports.rabbitmq,
            vault.rabbitmq,
            node=self.name,
            plugins=spec.plugins,
        )
        self.clients_broker = (
            clients_broker_of(self.directory, self.ports, vault) if spec.has_im else None
        )
        self.turn = turn_server(self.directory, self.ports, vault) if spec.has_im else None
        self.xmpp = xmpp_server(self.directory, self.ports, vault) if spec.xmpp else None
        self.telephones = TelephoneServers(self.directory, self.ports) if spec.sip else None
        self.env = environment(self)
        self.processes = self._processes()
        if isinstance(self.mariadb, CellDatabase):
            self.mariadb.agent = self._process("agent", ["manage.py", "cell_agent"])

    def xmpp_bridge(self, server: Ejabberd) -> Process:
        """Return the process of the bridge between an XMPP server and the platform, not yet started."""
        # The socket is there once the bridge is ready.
        remove = partial(server.socket.unlink, missing_ok=True)
        return self._process("xmpp", [*programs.XMPP], server.variables, remove)

    @property
    def servers(self) -> tuple[Server | CellDatabase, ...]:
        """Return the servers of this site: database, Redis, brokers, and TURN, XMPP and SIP if it has them."""
        return (self.mariadb, *self._plain_servers)

    @property
    def _plain_servers(self) -> tuple[Server, ...]:
        """Return the servers other than the database. All of them are started in the same way."""
        for_clients = filter(None, (self.clients_broker, self.turn, self.xmpp))
        return (self.redis, self.rabbitmq, *for_clients, *(self.telephones or ()))

    @property
    def http(self) -> str:
        """Return the address of the site's public HTTP server."""
        return self.ports.http

    @property
    def demo(self) -> dict[str, Any]:
        """Return the accounts, API key and platform that `manage.py load_demo` wrote, at this site or at the core."""
        path = (self.core or self).directory / "demo.json"
        demo: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
        return demo

    @property
    def addresses(self) -> dict[str, Any]:
        """Return the addresses of this site's servers, as var/up.json lists them."""
        clients = self.clients_broker
        return {
            "platformmoid": self.vault.platform_moid,
            "http": self.http,
            "amqp": self.rabbitmq.url("/"),
            "amqp_im": clients.url(CLIENTS_VHOST) if clients else "",
            "im": clients.client_addresses if clients else {},
            "xmpp": self.xmpp.addresses if self.xmpp else {},
            "sip": self.telephones.edge.address if self.telephones else "",
            "redis": self.redis.url(),
            "mysql": self.mariadb.url(),
        }

    def manage(self, *words: str, seconds: float = 300.0) -> None:
        """Run one manage.py command in this site's environment, and wait for its end. Raises StandError if it fails."""
        self._run(words[0], ["manage.py", *words], seconds)

    def _run(self, name: str, argv: list[str], seconds: float) -> None:
        """Run a Python program, and wait for its end. Raises StandError, with this name of the program, if it fails."""
        log = self.directory / "log" / "manage.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("a") as file:
            file.write(f"[stand] {' '.join(argv)}\n")
        child = self._process("manage", argv, supervised=False)
        child.start()
        code = child.wait(seconds)
        if code != 0:
            reason = "stopped" if self.stopping else f"{child.last_log_line()} (log: {log})"
            raise StandError(f"{self.name}: manage.py {name} failed: {reason}")

    def start_servers(self, report: Report, parallel: Parallel) -> None:
        """Start the servers in parallel, and create the tables as soon as the database runs."""
        # The counters of a previous run's processes would be added to those of ours.
        metrics = self.directory / "metrics"
        shutil.rmtree(metrics, ignore_errors=True)
        metrics.mkdir(parents=True)

        def start(server: Server | CellDatabase) -> None:
            """Start one server, and report how long it took."""
            with report.step(f"{self.name}: {server.kind}"):
                server.start()

        def start_database() -> None:
            """Start the database and create its tables; at the core also register the platforms of the other sites."""
            start(self.mariadb)
            if not self.is_away:
                self._migrate(report)
            if self.followers and any(site.pair for site in self.followers):
                self._open_register(report)

        parallel.run([start_database, *(partial(start, server) for server in self._plain_servers)])

    def _migrate(self, report: Report) -> None:
        """Create the tables of a new database, or bring those of an old one up to date."""
        socket = str(self.mariadb.socket)
        tables = Tables(self.library, unix_socket=socket, user="root", database=self.name)
        with report.step(f"{self.name}: tables"):
            tables.migrate(lambda: self.manage("migrate", "--noinput"))

    @property
    def is_away(self) -> bool:
        """Return whether the other site serves this site's platform, so that this site has only a copy of its data."""
        return isinstance(self.mariadb, CellDatabase) and not self.mariadb.is_open

    def _open_register(self, report: Report) -> None:
        """Enter all platforms in the register, the core's table of who serves which platform; the sites wait for it."""
        assert isinstance(self.mariadb, MariaDB)
        for statement in register_user(self.vault.register, self.name):
            self.mariadb.sql(statement)
        for site in self.followers:
            pair = site.pair
            assert pair is not None
            words = ("--platform", pair.here.moid, "--home", pair.here.moid)
            self._run_step(report, "cell_register", *words, "--backup", pair.other.moid)

    def kill(self) -> None:
        """Kill all processes and servers of this site, which are not started again."""
        self.stopping = True
        for process in [*self.processes.values(), *self._cell_agents()]:
            process.stop_supervising()
        owned.kill_all(self.directory)
        for process in [*self.processes.values(), *self._cell_agents()]:
            process.stop()
        for server in self._plain_servers:
            server.stop()

    def discard(self) -> None:
        """Kill all processes and servers of this site, and delete the servers' data."""
        self.kill()
        self.mariadb.stop()
        for name in ("mariadb", "cells", "redis/data", "rabbitmq/mnesia", "rabbitmq-im/mnesia"):
            shutil.rmtree(self.directory / name, ignore_errors=True)

    def come_back(self, report: Report) -> None:
        """Start all servers and processes of the site again after `kill`; another site may serve its platform now."""
        self.stopping = False
        self.start_servers(report, Parallel())
        self.start_processes(report, Parallel())

    def _cell_agents(self) -> list[Process]:
        """Return as a list the agent that runs the site's databases (`manage.py cell_agent`), [] without a backup."""
        agent = self.mariadb.agent if isinstance(self.mariadb, CellDatabase) else None
        return [agent] if agent else []

    def stop_agent(self, report: Report) -> None:
        """Stop the agent (`manage.py cell_agent`), so that this site takes over no platform of a site that stops."""
        if isinstance(self.mariadb, CellDatabase):
            self.mariadb.stop_agent()

    def prepare(self, report: Report) -> None:
        """Run the manage.py commands that must come before the first process: queues, demonstration, own platform."""
        commands = [["provision"]]
        if self.core is None:
            out = ("--out", str(self.directory / "demo.json"))
            commands.insert(0, ["load_demo", *out, *self._platform_arguments()])
            # For people who try licences: the site's own processes do not get the signing key.
            write_private(self.directory / "license.signing.key", self.vault.license_signing + "\n")
            write_private(self.directory / "license.sealing.key", self.vault.license_sealing + "\n")
        commands.insert(0, ["declare_topology"])  # queues must exist before a media unit connects
        with report.step(f"{self.name}: {', '.join(words[0] for words in commands)}"):
            argv = ["-m", "deploy.stand.commands", *map(json.dumps, commands)]
            self._run("provision", argv, 300)

    def _platform_arguments(self) -> list[str]:
        """Return the arguments by which `manage.py load_demo` creates the platforms of all other sites in its tree."""
        arguments = []
        for site in self.followers:
            names = {"moid": site.vault.platform_moid, "name": site.name}
            platform = names | site.public_addresses
            arguments += ["--platform", json.dumps(platform)]
        return arguments

    @property
    def public_addresses(self) -> dict[str, str]:
        """Return the addresses of this site's servers, without credentials, to be entered with its platform."""
        return {
            "http_url": self.http,
            "broker_url": f"amqp://127.0.0.1:{self.rabbitmq.port}",
            "redis_url": f"redis://127.0.0.1:{self.redis.port}/0",
            "database_url": f"mysql://127.0.0.1:{self.mariadb.port}/{self.name}",
        }

    def start_processes(self, report: Report, parallel: Parallel) -> None:
        """Start all processes, and wait, in parallel, until each is ready. Raises StandError."""
        for process in self.processes.values():
            if self.stopping:
                return
            process.start()
        parallel.run([partial(self._wait_until_ready, name, report) for name in self.processes])

    def stop_processes(self, report: Report) -> None:
        """Stop all processes of this site, in parallel. Each first finishes its present work."""
        self.stopping = True
        with report.step(f"{self.name}: processes stopped"):
            Parallel().run([process.stop for process in self.processes.values()])

    def stop_servers(self, report: Report) -> None:
        """Stop the servers, then all processes of this site that still run."""
        with report.step(f"{self.name}: servers stopped"):
            Parallel().run([server.stop for server in self.servers])
        if count := owned.stop_all(self.directory):
            report.line(f"  {self.name}: {count} processes had to be swept up")

    def _run_step(self, report: Report, *words: str) -> None:
        """Run a manage.py command, and report its name and seconds, unless the site is stopping."""
        if self.stopping:
            return
        with report.step(f"{self.name}: {words[0]}"):
            self.manage(*words)

    def _wait_until_ready(self, name: str, report: Report) -> None:
        """Wait until a process is ready. Raises StandError if that takes too long, or the site is stopping."""
        process = self.processes[name]
        is_ready = self._readiness_check(name)
        with report.step(f"{self.name}: {name}"):
            try:
                process.wait_until(lambda: self.stopping or (process.alive and is_ready()), 90.0)
            except StandError as failure:
                reason = why_not_ready(self.ports.web) if name == "web" else ""
                raise StandError(f"{self.name}: {failure}{reason}") from None
            if self.stopping:
                raise StandError("interrupted")

    def _readiness_check(self, name: str) -> Callable[[], bool]:
        """Return the function that says whether the process with this name is ready; each kind is asked its own way."""
        # While another site serves the platform, the auth backend ("door") can sign nobody in, and answers 503.
        door_is_ready = (200, 503) if self.is_away else (200,)
        if name == "web":
            page = "/healthz" if self.is_away else "/readyz"
            return lambda: http_get(self.ports.web, page).status == 200
        if name == "front":
            return lambda: http_get(self.ports.public, "/healthz").status == 200
        if name == "push":
            return lambda: http_get(self.ports.push, "/readyz").status == 200
        if name.startswith("worker"):
            # The broker does not say which consumer belongs to which worker: all become ready together.
            workers = sum(other.startswith("worker") for other in self.processes)
            return lambda: self.rabbitmq.consuming_connections("celery") >= workers
        if name == "door":
            return lambda: http_get(self.ports.door, "/healthz").status in door_is_ready
        if name in ("center", *programs.STAGES) and (broker := self.clients_broker):
            readers = programs.connections_of_center(self.spec.stages)
            return lambda: broker.consuming_connections(CLIENTS_VHOST) >= readers
        if name == "xmpp" and (xmpp := self.xmpp):
            return xmpp.socket.exists
        if name in ("beat", "films"):
            return lambda: self.processes[name].age > 1.0
        return (self.directory / _unit_directory(name) / "ready").exists

    def _processes(self) -> dict[str, Process]:
        """Return the site's own processes by name, not yet started; `front` is nginx, `door` the auth backend."""
        processes = {"front": front(self.directory, self.ports)}
        processes["web"] = self._process("web", programs.web_command(self.ports.web))
        if self.spec.has_conferences:
            processes["push"] = self._process("push", programs.push_command(self.ports.push))
        for name in (f"worker{number}" for number in range(1, self.spec.workers + 1)):
            processes[name] = self._process(name, programs.worker_command(f"{name}@{self.name}"))
        processes["beat"] = self._process("beat", programs.beat_command())
        if self.spec.has_im:
            commands = programs.chat_commands(self.ports.door, self.spec.stages)
            processes |= {name: self._process(name, argv) for name, argv in commands.items()}
        if self.xmpp is not None:
            processes["xmpp"] = self.xmpp_bridge(self.xmpp)
        if self.telephones:
            argv, variables = [*programs.TELEPHONES], self.telephones.variables
            processes["telephones"] = self._media_process("telephones", argv, variables)
        if self.media == "janus":
            processes |= {f"unit{n}": self._unit_process(n) for n in range(1, self.units + 1)}
            argv = programs.film_worker_command(f"films@{self.name}")
            processes["films"] = self._process("films", argv)
        elif self.media == "simulated":
            argv = programs.simulator_command(self.units, self.conferences)
            processes["simulator"] = self._media_process("simulator", argv, {"CMU_IP": "127.0.0.1"})
        return processes

    def _unit_process(self, number: int) -> Process:
        """Return the agent process of media unit 1, 2, ... (`python -m media_unit`), which starts a Janus server."""
        variables = programs.unit_variables(number, self.ports.unit(number))
        return self._media_process(f"unit{number}", ["-m", "media_unit"], variables)

    def _media_process(self, name: str, argv: list[str], variables: Mapping[str, str]) -> Process:
        """Return a process of media units, or a gate of telephones; it writes a file `ready` when it is ready."""
        directory = self.directory / _unit_directory(name)

        def prepare() -> None:
            """Create the unit's directory, and delete the mark of an earlier run that it is ready."""
            directory.mkdir(parents=True, exist_ok=True)
            (directory / "ready").unlink(missing_ok=True)

        directories = dict.fromkeys(("CMU_DIR", "APS_DIR"), str(directory))
        return self._process(name, argv, {**variables, **directories}, prepare)

    def _process(
        self,
        name: str,
        argv: list[str],
        variables: Mapping[str, str] | None = None,
        before_start: Callable[[], None] | None = None,
        supervised: bool = True,
    ) -> Process:
        """Return a Python process of this site, with the site's environment and further variables; not yet started."""
        return Process(
            name,
            [str(PYTHON), *argv],
            directory=self.directory,
            env={**os.environ, **self.env, **(variables or {}), **PYTHON_VARIABLES},
            cwd=REPOSITORY,
            supervised=supervised,
            before_start=before_start,
        )


def _unit_directory(process: str) -> str:
    """Return the name of a media unit's directory: the process `unit1` has `u1`, the unit's name in messages."""
    return process.replace("unit", "u")
