"""ejabberd and Prosody run from Debian's packages (`peers.sh`), on loopback, with MariaDB archives."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from deploy.stand.mariadb import MariaDB
from deploy.stand.ports import answers
from deploy.stand.process import Process
from deploy.stand.server import Server, base_env
from deploy.stand.site import LIBRARY

PASSWORD = "bench"  # noqa: S105  of people that live as long as the benchmark
_ERLANG = Path("/usr/lib/x86_64-linux-gnu")
_SCHEMA = Path("/usr/share/ejabberd/sql/mysql.sql")
_STREAM = b"<stream:stream to='localhost' version='1.0' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>"

_EJABBERD = """\
loglevel: warning
hosts: [localhost]
auth_method: sql
auth_password_format: plain
default_db: sql
new_sql_schema: false
sql_type: mysql
sql_server: "127.0.0.1"
sql_port: {database}
sql_database: ejabberd
sql_username: app
sql_password: "{secret}"
sql_pool_size: 10
listen:
  - {{port: {port}, ip: "127.0.0.1", module: ejabberd_c2s, max_stanza_size: 262144, shaper: none,
     access: all, backlog: 2000}}
modules:
  mod_disco: {{}}
  mod_roster: {{db_type: sql}}
  mod_offline: {{db_type: sql, use_mam_for_storage: true}}
  mod_stream_mgmt: {{resend_on_timeout: if_offline, resume_timeout: 0}}
  mod_mam: {{db_type: sql, default: always, assume_mam_usage: true}}
  mod_muc:
    db_type: sql
    max_users: 2000
    default_room_options: {{mam: true, persistent: true, max_users: 2000, public: true,
      presence_broadcast: []}}
"""

_PROSODY = """\
pidfile = "{here}/prosody.pid"
data_path = "{here}/data"
daemonize = false
run_as_root = true
modules_enabled = {{ "disco"; "roster"; "saslauth"; "smacks"; "mam"; "offline"; "posix" }}
modules_disabled = {{ "s2s"; "tls" }}
interfaces = {{ "127.0.0.1" }}
c2s_ports = {{ {port} }}
c2s_require_encryption = false
allow_unencrypted_plain_auth = true
smacks_hibernation_time = 0
authentication = "internal_plain"
default_archive_policy = true
max_archive_query_results = 100
network_settings = {{ tcp_backlog = 2000 }}
storage = {{ archive = "sql"; muc_log = "sql" }}
sql = {{ driver = "MySQL"; database = "prosody"; host = "127.0.0.1"; port = {database};
  username = "app"; password = "{secret}" }}
log = {{ warn = "{here}/log/prosody-warn.log" }}
network_backend = "epoll"
VirtualHost "localhost"
Component "conference.localhost" "muc"
  modules_enabled = {{ "muc_mam" }}
  muc_log_by_default = true
  muc_log_presences = false
  muc_room_default_persistent = true
  muc_room_default_presence_broadcast = {{ visitor = false; participant = false; moderator = false }}
"""


class Peer(Server):
    """An XMPP server; it stores in `database`, in a schema of its name."""

    needs: tuple[str, ...] = ()
    """If one of these files is missing, the server is not installed."""

    def __init__(self, directory: Path, port: int, database: MariaDB, people: list[str]) -> None:
        super().__init__(directory, port)
        self.database, self.people = database, people

    @classmethod
    def missing(cls) -> str:
        """Return why the server cannot be measured here; "" means that it can."""
        gone = [path for path in cls.needs if not Path(path).exists()]
        return f"not installed ({gone[0]} is missing); run benchmarks/peers.sh" if gone else ""

    def ready(self) -> bool:
        """Return whether the server answers in XMPP."""
        return answers(self.port, _STREAM, b"stream:features")


class Ejabberd(Peer):
    """ejabberd, with the Erlang flags of our own broker: its schedulers do not spin."""

    kind = "ejabberd"
    needs = (str(_ERLANG / "ejabberd-23.01"), str(_SCHEMA))

    def prepare(self) -> Process:
        """Write schema and people, and return the server's process."""
        self.database.sql(_SCHEMA.read_text(), "ejabberd")
        rows = ", ".join(f"('{user}', '{PASSWORD}')" for user in self.people)
        self.database.sql(f"INSERT INTO users (username, password) VALUES {rows}", "ejabberd")
        about = {"port": self.port, "database": self.database.port}
        config = self.directory / "ejabberd.yml"
        config.write_text(_EJABBERD.format(**about, secret=self.database.password))
        rest = ["+sbwt", "none", "+sbwtdcpu", "none", "+sbwtdio", "none"]
        argv = ["erl", "-noinput", "+K", "true", "+P", "250000", *rest]
        argv += ["-mnesia", "dir", f'"{self.directory / "mnesia"}"', "-s", "ejabberd"]
        env = {
            **base_env(self.directory),
            "EJABBERD_CONFIG_PATH": str(config),
            "EJABBERD_LOG_PATH": str(self.directory / "ejabberd.log"),
            "ERL_LIBS": str(_ERLANG),
            "ERL_MAX_PORTS": "32000",
        }
        return self._process(argv, env)


class Prosody(Peer):
    """Prosody, which has one thread."""

    kind = "prosody"
    needs = ("/usr/bin/prosody",)

    def prepare(self) -> Process:
        """Write a file for each person, and return the server's process."""
        accounts = self.directory / "data" / "localhost" / "accounts"
        accounts.mkdir(parents=True, exist_ok=True)
        for user in self.people:
            (accounts / f"{user}.dat").write_text(f'return {{ ["password"] = "{PASSWORD}"; }};\n')
        (self.directory / "log").mkdir(exist_ok=True)
        about = {"here": self.directory, "port": self.port, "database": self.database.port}
        config = self.directory / "prosody.cfg.lua"
        config.write_text(_PROSODY.format(**about, secret=self.database.password))
        argv = ["/usr/bin/prosody", "--config", str(config)]
        return self._process(argv, {**base_env(self.directory), **_lua()})


def _lua() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.startswith("LUA_")}


def database(directory: Path, port: int) -> MariaDB:
    """Return a database server with the settings of a site's own."""
    shutil.rmtree(directory, ignore_errors=True)
    return MariaDB(
        directory,
        port,
        os.urandom(12).hex(),
        schemas=[Ejabberd.kind, Prosody.kind],
        templates=LIBRARY,
        buffer_pool="256M",
        log_size="96M",
    )
