"""A private RabbitMQ server, with its own port mapper (epmd) and Erlang cookie. It listens on loopback only."""

import json
import os
import subprocess
import time
from base64 import b64encode
from collections.abc import Mapping, Sequence
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from deploy.stand.errors import StandError
from deploy.stand.ports import Ports, answers
from deploy.stand.process import Process
from deploy.stand.server import Server, base_env, program, write_private
from deploy.stand.vault import Vault

SCRIPTS = Path("/usr/lib/rabbitmq/bin")  # the real ones; those in /usr/sbin do `su rabbitmq`
PLATFORM_VHOSTS = ("/", "celery")
CLIENTS_VHOST = "im"
PLATFORM_PLUGINS = ("rabbitmq_management", "rabbitmq_prometheus")
CLIENTS_PLUGINS = (
    *PLATFORM_PLUGINS,
    "rabbitmq_mqtt",
    "rabbitmq_web_mqtt",
    "rabbitmq_stomp",
    "rabbitmq_web_stomp",
    "rabbitmq_auth_backend_http",
    "rabbitmq_auth_backend_cache",
    "rabbitmq_consistent_hash_exchange",
)
# Each plugin's listener and its distance from the first port; all are bound to loopback.
LISTENERS = {
    "rabbitmq_management": {"management.tcp.port": 3},
    "rabbitmq_mqtt": {"mqtt.listeners.tcp.1": 4},
    "rabbitmq_stomp": {"stomp.listeners.tcp.1": 5},
    "rabbitmq_web_mqtt": {"web_mqtt.tcp.port": 6},
    "rabbitmq_web_stomp": {"web_stomp.tcp.port": 7},
    "rabbitmq_prometheus": {"prometheus.tcp.port": 8},
}
# A worker holds up to 200 messages of a queue, and takes none above 256 KiB: what is larger is told so, up to here.
PLATFORM_LIMITS = {"max_message_size": "1048576"}
# A center takes no message above 64 KiB. The log of its queue lies in memory until it is written out.
CLIENTS_LIMITS = {"max_message_size": "131072", "raft.wal_max_size_bytes": "67108864"}

# At the virtual host of people's clients, our own servers sign in by name and password. For all others the broker asks
# the auth backend ("door"): at each sign-in, so that a revoked token is refused at once; rights are cached.
AUTH_BACKEND_SETTINGS = {
    "auth_backends.1": "internal",
    "auth_backends.2.authn": "http",
    "auth_backends.2.authz": "cache",
    "auth_cache.cached_backend": "http",
    "auth_cache.cache_ttl": "60000",
    "auth_http.http_method": "post",
    "auth_http.request_timeout": "5000",
    "auth_http.connection_timeout": "3000",
    "mqtt.vhost": "im",
    "mqtt.exchange": "im.client",
}


def auth_backend_settings(port: int) -> dict[str, str]:
    """Return lines of rabbitmq.conf by which the broker asks the HTTP auth backend on this port what clients may do."""
    questions = ("user", "vhost", "resource", "topic")
    paths = {f"auth_http.{name}_path": f"http://127.0.0.1:{port}/{name}" for name in questions}
    return AUTH_BACKEND_SETTINGS | CLIENTS_LIMITS | paths


class ApiAnswer(NamedTuple):
    """Represent an answer of the management API. `body` is a JSON value; `None` means that the answer has none."""

    status: int
    body: object


class RabbitMQ(Server):
    """A RabbitMQ server is one broker: the platform's by default, or that of people's clients.

    Its ports, counted from `port`: +0 AMQP, +1 distribution, +2 epmd, +3 management, +4 MQTT, +5 STOMP, +6 MQTT and
    +7 STOMP over WebSocket, +8 Prometheus, +20 to +29 rabbitmqctl.
    """

    patience = 120.0

    def __init__(
        self,
        directory: Path,
        port: int,
        password: str,
        *,
        node: str,
        kind: str = "rabbitmq",
        vhosts: Sequence[str] = PLATFORM_VHOSTS,
        plugins: Sequence[str] = PLATFORM_PLUGINS,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        """Prepare a broker with its files in `directory`; `node` is its Erlang name, `settings` go into its config."""
        super().__init__(directory, port)
        self.kind = kind
        self.vhosts = list(vhosts)
        self.password = password
        self.node = f"{node}@localhost"
        self.plugins = list(plugins)
        self.settings = dict(settings or {})
        self.epmd: Process | None = None

    def url(self, vhost: str = "/") -> str:
        """Return the AMQP URL of a virtual host of the broker."""
        return f"amqp://platform:{self.password}@127.0.0.1:{self.port}/{vhost.replace('/', '%2F')}"

    @property
    def management_url(self) -> str:
        """Return the URL of the broker's management API."""
        return f"http://platform:{self.password}@127.0.0.1:{self.port + 3}"

    @property
    def client_addresses(self) -> dict[str, str]:
        """Return the URLs by which people's clients connect to the broker: protocol -> URL."""
        port = self.port
        return {
            "amqp": f"amqp://127.0.0.1:{port}/im",
            "mqtt": f"mqtt://127.0.0.1:{port + 4}",
            "stomp": f"stomp://127.0.0.1:{port + 5}",
            "web_mqtt": f"ws://127.0.0.1:{port + 6}/ws",
            "web_stomp": f"ws://127.0.0.1:{port + 7}/ws",
        }

    def prepare(self) -> Process:
        """Write the broker's files, start its port mapper, and return the broker process, not yet started."""
        for name in ("mnesia", "log", "gen"):
            (self.directory / name).mkdir(exist_ok=True)
        # An empty file must exist; otherwise /etc/rabbitmq/rabbitmq-env.conf would override our settings.
        (self.directory / "env.conf").write_text("")
        (self.directory / "enabled_plugins").write_text(f"[{','.join(self.plugins)}].\n")
        cookie = self.directory / ".erlang.cookie"
        if not cookie.exists():
            write_private(cookie, os.urandom(24).hex())
            cookie.chmod(0o400)
        definitions = json.dumps(self._definitions(), indent=1)
        write_private(self.directory / "definitions.json", definitions)
        write_private(self.directory / "rabbitmq.conf", self._config())
        (self.directory / "node.pid").unlink(missing_ok=True)
        self._start_epmd()
        return self._process([str(SCRIPTS / "rabbitmq-server")], self._env())

    def ready(self) -> bool:
        """Return whether the broker is ready: AMQP, opened last, answers, and the management API knows our user."""
        if not answers(self.port, b"AMQP\x00\x00\x09\x01", b"\x00\x0a\x00\x0a"):  # Connection.Start
            return False
        return "rabbitmq_management" not in self.plugins or self.api("/whoami").status == 200

    def stop(self, patience: float = 60.0) -> None:
        """Stop the broker, and its port mapper (epmd) if the stand has started it."""
        super().stop(patience)
        if self.epmd is not None:
            self.epmd.stop(5)

    def ctl(self, *words: str) -> str:
        """Run rabbitmqctl for this broker, and return its output; it takes a second or two, `api` is quicker.

        Raises StandError with the last part of its error output.
        """
        argv = [str(SCRIPTS / "rabbitmqctl"), "-q", *words]
        env, directory = self._env(), self.directory
        result = subprocess.run(
            argv, env=env, cwd=directory, capture_output=True, text=True, check=False
        )
        if result.returncode:
            reason = (result.stderr or result.stdout).strip()[-300:]
            raise StandError(f"rabbitmqctl {words[0]}: {reason}")
        return result.stdout

    def _start_epmd(self) -> None:
        """Start Erlang's port mapper (epmd). If the broker started one, that would go on when the broker ends."""
        if self.epmd is not None and self.epmd.alive:
            return
        argv = [program("epmd"), "-port", str(self.port + 2), "-address", "127.0.0.1"]
        env = {**base_env(self.directory), "ERL_EPMD_ADDRESS": "127.0.0.1"}
        self.epmd = Process("epmd", argv, directory=self.directory, env=env)
        self.epmd.start()
        # Without this wait the broker could find no epmd, and start one of its own.
        deadline = time.monotonic() + 5
        while not answers(self.port + 2, b"\x00\x01n", b"") and time.monotonic() < deadline:
            time.sleep(0.02)

    def _env(self) -> dict[str, str]:
        """Return the environment variables of the broker: all its files are in its directory, all ports on loopback."""
        directory, port = self.directory, self.port
        loopback = "-kernel inet_dist_use_interface {127,0,0,1}"
        return {
            **base_env(directory),
            "RABBITMQ_CONF_ENV_FILE": f"{directory}/env.conf",
            "RABBITMQ_NODENAME": self.node,
            "RABBITMQ_PID_FILE": f"{directory}/node.pid",
            "RABBITMQ_MNESIA_BASE": f"{directory}/mnesia",
            "RABBITMQ_LOG_BASE": f"{directory}/log",
            "RABBITMQ_CONFIG_FILE": f"{directory}/rabbitmq.conf",
            "RABBITMQ_ADVANCED_CONFIG_FILE": f"{directory}/advanced.config",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{directory}/enabled_plugins",
            "RABBITMQ_GENERATED_CONFIG_DIR": f"{directory}/gen",
            "RABBITMQ_FEATURE_FLAGS_FILE": f"{directory}/feature_flags",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(port),
            "RABBITMQ_DIST_PORT": str(port + 1),
            "ERL_EPMD_PORT": str(port + 2),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_CTL_DIST_PORT_MIN": str(port + 20),
            "RABBITMQ_CTL_DIST_PORT_MAX": str(port + 29),
            "RABBITMQ_CTL_ERL_ARGS": loopback,
            # Schedulers must not spin while idle: on a small machine that takes the CPU from everybody else.
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": f"+sbwt none +sbwtdcpu none +sbwtdio none {loopback}",
        }

    def _config(self) -> str:
        """Return the content of rabbitmq.conf: listeners on loopback, limits, and the plugins' settings."""
        port = self.port
        settings = {
            "listeners.tcp.local": f"127.0.0.1:{port}",
            "load_definitions": f"{self.directory}/definitions.json",
            "log.file.level": "warning",
            "log.console": "false",
            "collect_statistics": "coarse",
            "disk_free_limit.absolute": "200MB",
            "vm_memory_high_watermark.absolute": "2GB",
            "tcp_listen_options.nodelay": "true",
            "tcp_listen_options.backlog": "4096",  # a thousand clients that come back at once
            # Over loopback half a segment fills a smaller one, and each half waits 40 ms for its acknowledgement.
            "tcp_listen_options.sndbuf": "65536",
            "tcp_listen_options.recbuf": "32768",
            **PLATFORM_LIMITS,
        }
        for plugin in self.plugins:
            for name, offset in LISTENERS.get(plugin, {}).items():
                has_address = name.endswith(".1")  # the setting is an address, not only a port
                settings[name] = f"127.0.0.1:{port + offset}" if has_address else f"{port + offset}"
                if not has_address:
                    settings[name.removesuffix("port") + "ip"] = "127.0.0.1"
        if "rabbitmq_management" in self.plugins:
            # By default the plugin counts each message, for each channel and queue.
            settings["management.rates_mode"] = "none"
        if "rabbitmq_mqtt" in self.plugins:
            # By default clients without a name are signed in as "guest".
            settings["mqtt.allow_anonymous"] = "false"
        settings.update(self.settings)
        return "".join(f"{name} = {value}\n" for name, value in settings.items())

    def _definitions(self) -> dict[str, object]:
        """Return the definitions that the broker loads at each start: our servers' user and the virtual hosts.

        The limits of queues are set by `manage.py declare_topology`, as in production.
        """
        user = {"name": "platform", "password": self.password, "tags": "administrator"}
        everything = {"user": "platform", "configure": ".*", "write": ".*", "read": ".*"}
        return {
            "users": [user],
            "vhosts": [{"name": vhost} for vhost in self.vhosts],
            "permissions": [{**everything, "vhost": vhost} for vhost in self.vhosts],
        }

    def api(self, path: str, method: str = "GET", body: object = None) -> ApiAnswer:
        """Call the broker's management API, and return status and body; status 0 means that no answer came.

        `path` is URL-quoted, such as `/queues/celery/x`; `body` is sent as JSON.
        """
        link = HTTPConnection("127.0.0.1", self.port + 3, timeout=3)
        credentials = b64encode(f"platform:{self.password}".encode()).decode()
        headers = {"Authorization": f"Basic {credentials}", "Content-Type": "application/json"}
        try:
            link.request(method, f"/api{path}", None if body is None else json.dumps(body), headers)
            answer = link.getresponse()
            text = answer.read()
            return ApiAnswer(answer.status, json.loads(text) if text else None)
        except (OSError, HTTPException, ValueError):
            return ApiAnswer(0, None)
        finally:
            link.close()

    def consuming_connections(self, vhost: str) -> int:
        """Return how many connections have consumers in a virtual host."""
        consumers = self.api(f"/consumers/{quote(vhost, safe='')}").body
        if not isinstance(consumers, list):
            return 0
        # For a moment after a channel has come or gone, its details are an empty list.
        details = (consumer["channel_details"] for consumer in consumers)
        channels = [channel for channel in details if channel]
        return len({channel.get("connection_name") for channel in channels})


def clients_broker(directory: Path, port: int, password: str, *, node: str, door: int) -> RabbitMQ:
    """Return a second broker for people's chat clients, which asks the auth backend on port `door` what they may do.

    It is a process of its own: if clients use up its memory, the platform's own broker goes on.
    """
    return RabbitMQ(
        directory,
        port,
        password,
        node=node,
        kind="rabbitmq-im",
        vhosts=(CLIENTS_VHOST,),
        plugins=CLIENTS_PLUGINS,
        settings=auth_backend_settings(door),
    )


def clients_broker_of(site: Path, ports: Ports, vault: Vault) -> RabbitMQ:
    """Return a site's second broker, for people's chat clients; its files lie in the directory `site`."""
    directory, password = site / "rabbitmq-im", vault.clients_broker
    node = f"{site.name}-im"
    return clients_broker(directory, ports.clients_broker, password, node=node, door=ports.door)
