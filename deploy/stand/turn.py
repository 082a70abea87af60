"""A private TURN server (coturn) on loopback, which relays calls where no direct path is found."""

from pathlib import Path

from deploy.stand.ports import Ports, is_free
from deploy.stand.process import Process
from deploy.stand.server import Server, program, write_private
from deploy.stand.vault import Vault

# Here both people sit on this machine, so that peers on loopback are allowed, which production denies
# (deploy/turnserver.conf).
CONFIG = """\
listening-ip=127.0.0.1
relay-ip=127.0.0.1
listening-port={port}
min-port={first}
max-port={last}
use-auth-secret
static-auth-secret={secret}
realm=confplatform
allow-loopback-peers
cli-password={secret}
no-cli
no-multicast-peers
no-tls
no-dtls
user-quota=16
total-quota=200
log-file=stdout
simple-log
pidfile={directory}/turnserver.pid
userdb={directory}/turndb
"""
RELAYS = 18
"""So many ports are used for relays, which is enough for the calls of a trial."""


class TurnServer(Server):
    """A TURN server is one turnserver process."""

    kind = "turn"

    def __init__(self, directory: Path, port: int, secret: str) -> None:
        """Prepare a server with its files in `directory`. From `secret` both sides compute the passwords of calls."""
        super().__init__(directory, port)
        self.secret = secret

    @property
    def urls(self) -> list[str]:
        """Return the STUN and TURN URLs of the server, for browsers."""
        return [f"stun:127.0.0.1:{self.port}", f"turn:127.0.0.1:{self.port}?transport=udp"]

    def prepare(self) -> Process:
        """Write the configuration file, and return the server process, not yet started."""
        config = self.directory / "turnserver.conf"
        ports = {"port": self.port, "first": self.port + 1, "last": self.port + RELAYS}
        text = CONFIG.format(**ports, secret=self.secret, directory=self.directory)
        write_private(config, text)
        return self._process([program("turnserver"), "-c", str(config)])

    def ready(self) -> bool:
        """Return whether the TURN server runs and listens; its TCP port tells, which it opens beside UDP."""
        return self.alive and not is_free(self.port)


def turn_server(site: Path, ports: Ports, vault: Vault) -> TurnServer:
    """Return the TURN server of a site, whose files lie in the site's directory."""
    return TurnServer(site / "turn", ports.turn, vault.turn)
