"""A private XMPP server (ejabberd) on loopback, to which people's clients connect (bridge: `manage.py im_xmpp`)."""

import subprocess
import sys
from pathlib import Path

from deploy.stand.errors import StandError
from deploy.stand.ports import Ports, is_free
from deploy.stand.process import Process
from deploy.stand.server import Server, base_env, program, write_private
from deploy.stand.vault import Vault

SOURCES = Path(__file__).resolve().parents[1] / "ejabberd"
MODULE = SOURCES / "mod_confplatform.erl"
PRODUCTION = SOURCES / "ejabberd.yml"
LIBRARIES = f"/usr/lib/{sys.implementation._multiarch}"
"""The folder of Debian's Erlang libraries."""

# Debian's file of production with the site's own names; clients on loopback need no TLS.
CONFIG = """\
hosts: [{domain}]
loglevel: warning
log_rotate_count: 0
auth_method: [external]
extauth_program: "{python} {sources}/ask_bridge.py {socket}"
extauth_pool_size: 2
auth_use_cache: false
disable_sasl_mechanisms: [digest-md5, scram-sha-1, x-oauth2]
s2s_access: none
listen:
  - port: {port}
    ip: 127.0.0.1
    module: ejabberd_c2s
    max_stanza_size: 65536
    shaper: clients
    backlog: 1000
  - port: {components}
    ip: 127.0.0.1
    module: ejabberd_service
    check_from: false
    global_routes: true
    max_stanza_size: 262144
    hosts:
      bridge.{domain}: {{password: {secret}}}
      groups.{domain}: {{password: {secret}}}
shaper:
  clients: {{rate: 50000, burst_size: 200000}}
modules:
  mod_confplatform: {{component: bridge.{domain}}}
  mod_ping: {{send_pings: true, ping_interval: 60, ping_ack_timeout: 20, timeout_action: kill}}
"""


class Ejabberd(Server):
    """An XMPP server is one Erlang machine without a name: it needs no port mapper (epmd) and no cookie.

    Its ports, counted from `port`: +0 people's clients, +1 components.
    """

    kind = "ejabberd"
    patience = 90.0

    def __init__(self, directory: Path, port: int, secret: str, domain: str) -> None:
        """Prepare a server with its files in `directory`; `secret` is the password of its components (the bridge)."""
        super().__init__(directory, port)
        self.secret, self.domain = secret, domain
        self.socket = directory / "sign-in.sock"

    @property
    def variables(self) -> dict[str, str]:
        """Return the environment variables by which the platform's XMPP bridge finds this server."""
        return {
            "XMPP_DOMAIN": self.domain,
            "XMPP_COMPONENTS": f"127.0.0.1:{self.port + 1}",
            "XMPP_SECRET": self.secret,
            "XMPP_SOCKET": str(self.socket),
        }

    @property
    def addresses(self) -> dict[str, str]:
        """Return the server's URL for people's clients, and the domains of the addresses of people and of groups."""
        server = f"xmpp://127.0.0.1:{self.port}"
        return {"server": server, "people": self.domain, "groups": f"groups.{self.domain}"}

    def prepare(self) -> Process:
        """Write the configuration, compile our module, and return the server process, not yet started."""
        for name in ("mnesia", "log", "ebin"):
            (self.directory / name).mkdir(exist_ok=True)
        config = self.directory / "ejabberd.yml"
        names = {"domain": self.domain, "secret": self.secret, "socket": self.socket}
        ports = {"port": self.port, "components": self.port + 1}
        programs = {"python": sys.executable, "sources": SOURCES}
        write_private(config, CONFIG.format(**names, **ports, **programs))
        env = {
            **base_env(self.directory),
            "EJABBERD_CONFIG_PATH": str(config),
            "EJABBERD_LOG_PATH": str(self.directory / "log" / "ejabberd.log"),
            "ERL_LIBS": LIBRARIES,
            "ERL_CRASH_DUMP_SECONDS": "0",
        }
        self._compile(env)
        argv = [program("erl"), "-noinput", "-start_epmd", "false", "-pa", "ebin", "+K", "true"]
        # Schedulers must not spin while idle: on a small machine that takes the CPU from everybody else.
        argv += ["+sbwt", "none", "+sbwtdcpu", "none", "+sbwtdio", "none"]
        argv += ["-mnesia", "dir", f'"{self.directory}/mnesia"', "-s", "ejabberd"]
        return self._process(argv, env)

    def _compile(self, env: dict[str, str]) -> None:
        """Compile our Erlang module for ejabberd, unless that has been done. Raises StandError if it has errors."""
        compiled = self.directory / "ebin" / f"{MODULE.stem}.beam"
        if compiled.exists() and compiled.stat().st_mtime > MODULE.stat().st_mtime:
            return
        argv = [program("erlc"), "-o", str(compiled.parent), str(MODULE)]
        result = subprocess.run(argv, env=env, capture_output=True, text=True, check=False)
        if result.returncode:
            raise StandError(f"erlc {MODULE.name}: {result.stdout.strip()[-300:]}")

    def ready(self) -> bool:
        """Return whether the server awaits clients and components."""
        return self.alive and not is_free(self.port) and not is_free(self.port + 1)


def xmpp_server(site: Path, ports: Ports, vault: Vault) -> Ejabberd:
    """Return the XMPP server of a site, with its files in the directory `site`, for addresses at `<site>.localhost`."""
    return Ejabberd(site / "xmpp", ports.xmpp, vault.xmpp, f"{site.name}.localhost")
