"""The servers of a test session, and the environment variables that tell tests their addresses."""

from pathlib import Path

from deploy.stand.mariadb import MariaDB
from deploy.stand.parallel import Parallel
from deploy.stand.ports import Ports
from deploy.stand.rabbitmq import (
    CLIENTS_PLUGINS,
    CLIENTS_VHOST,
    PLATFORM_LIMITS,
    PLATFORM_VHOSTS,
    RabbitMQ,
    auth_backend_settings,
)
from deploy.stand.redis import Redis
from deploy.stand.server import Server
from deploy.stand.site import LIBRARY
from deploy.stand.vault import Vault

SCHEMA = "test_site"


class TestServers:
    """The session's servers are one MariaDB, one Redis and one RabbitMQ, whose data is deleted at the end."""

    __test__ = False  # Otherwise pytest would take the class for tests, by its name.

    def __init__(self, directory: Path, port_base: int) -> None:
        """Prepare the three servers, with files in `directory` and ports from `port_base` on; none is started yet."""
        ports, vault = Ports(port_base), Vault.open(directory)
        directory.chmod(0o700)
        self.directory = directory
        self.vault = vault
        self.mariadb = MariaDB(
            directory / "mariadb",
            ports.mariadb,
            vault.mariadb,
            schemas=[SCHEMA],
            patterns=[r"test\_%"],  # each test process makes a database of its own
            templates=LIBRARY,
        )
        self.redis = Redis(directory / "redis", ports.redis, vault.redis)
        broker = directory / "rabbitmq"
        # The port of the broker's auth backend ("door"), which a test starts if it needs one.
        self.door = ports.door
        # In tests one broker does the work of both: the platform's, and that of people's clients.
        self.rabbitmq = RabbitMQ(
            broker,
            ports.rabbitmq,
            vault.rabbitmq,
            node="test",
            vhosts=(*PLATFORM_VHOSTS, CLIENTS_VHOST),
            plugins=CLIENTS_PLUGINS,
            settings=auth_backend_settings(self.door) | PLATFORM_LIMITS,
        )

    @property
    def servers(self) -> tuple[Server, ...]:
        """Return all servers, in the order in which they are started."""
        return (self.mariadb, self.redis, self.rabbitmq)

    def start(self, parallel: Parallel) -> None:
        """Start the servers in parallel, and wait until all answer."""
        parallel.run([server.start for server in self.servers])

    def stop(self) -> None:
        """Kill the servers, as their data is deleted anyway; to shut the broker down would take 6 seconds."""
        for server in self.servers:
            server.kill()
        Parallel().run([server.stop for server in self.servers])

    @property
    def env(self) -> dict[str, str]:
        """Return the environment variables of settings.py with the prefix TEST_.

        Without the prefix a test could use the servers of `make up` by mistake.
        """
        values = {
            "SECRET_KEY": self.vault.secret_key,
            "SITE_NAME": "east",
            "PLATFORM_MOID": self.vault.platform_moid,
            "DATABASE_URL": self.mariadb.url(),
            "REDIS_URL": self.redis.url(),
            "AMQP_URL": self.rabbitmq.url("/"),
            "IM_AMQP_URL": self.rabbitmq.url(CLIENTS_VHOST),
            "IM_ADDRESSES": ",".join(
                "=".join(address) for address in self.rabbitmq.client_addresses.items()
            ),
            "DOOR_PORT": str(self.door),  # for tests alone
            "CELERY_BROKER_URL": self.rabbitmq.url("celery"),
            "RABBITMQ_MANAGEMENT_URL": self.rabbitmq.management_url,
            "LO_SHIM": str(LIBRARY / "lo_ifaddrs.so"),
            "LICENSE_PUBLIC_KEY": self.vault.license_public,
            "LICENSE_SEALING_KEY": self.vault.license_sealing,
            "LICENSE_SIGNING_KEY": self.vault.license_signing,  # for tests alone
            "VAR_DIR": str(self.directory),
        }
        return {f"TEST_{name}": value for name, value in values.items()}
