"""The configuration of one media unit, read from its environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path

from foundation.bus.typed_json import read_as
from foundation.bus.typed_json_words import InvalidValue
from foundation.tls import AMQP, UnusableUrl, check_url, client_context
from wire.fields import UnitName

Network = IPv4Network | IPv6Network

_LAST_PORT = 279
"""The highest offset that a unit uses from its first port."""


class BadConfig(ValueError):
    """The exception says which setting of a media unit is missing or wrong, and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitConfig:
    """Represent the configuration of one media unit: its name, place, network ports and capacity.

    `confs` and `ports` are how many conferences and participants it can hold, `port_base` is its first network port,
    `room` its machine room, `pid` its instance name, `lo_shim` a library for tests on loopback addresses.
    `tls_authorities` is the file with those who may sign the broker's certificate; "": those whom the system trusts.
    """

    amqp_url: str
    ip: str
    pid: str
    directory: Path
    port_base: int
    confs: int = 20
    ports: int = 190
    compositions: int = 0
    platform: str = ""
    room: str | None = None
    lo_shim: str = ""
    public_ws: str = ""
    keep_janus: bool = False
    janus_user: str = ""
    monitor_networks: tuple[Network, ...] = ()
    tls_authorities: str = ""

    @property
    def label(self) -> str:
        """Return the name of the unit in logs."""
        return f"{self.host}:{self.pid}" if self.pid else self.host

    @property
    def host(self) -> str:
        """Return the unit's IP address as URLs write it: IPv6 in brackets."""
        return f"[{self.ip}]" if ":" in self.ip else self.ip

    def is_named(self, name: UnitName) -> bool:
        """Return whether a name (address and instance) is this unit's; without an instance only the address counts."""
        return name.ip == self.ip and name.pid in (None, "", self.pid)

    def composes_for(self, name: UnitName | None) -> bool:
        """Return whether this unit composes pictures, and is the composer of this name; `None` names no composer."""
        return self.compositions > 0 and name is not None and self.is_named(name)

    @property
    def http_port(self) -> int:
        """Return the port of Janus's HTTP API, on loopback."""
        return self.port_base + 1

    @property
    def admin_port(self) -> int:
        """Return the port of Janus's admin API, on loopback."""
        return self.port_base + 2

    @property
    def ws_port(self) -> int:
        """Return the port of the gate, the proxy through which participants reach Janus."""
        return self.port_base + 3

    @property
    def event_port(self) -> int:
        """Return the port, on loopback, on which the agent receives events from Janus."""
        return self.port_base + 4

    @property
    def janus_ws_port(self) -> int:
        """Return the port of Janus' own WebSocket, on loopback, for the agent and the gate (the proxy before Janus)."""
        return self.port_base + 5

    @property
    def control_port(self) -> int:
        """Return the port, on loopback, on which the gate (the proxy before Janus) takes requests of the agent."""
        return self.port_base + 6

    @property
    def rtp_ports(self) -> str:
        """Return the range of UDP ports for WebRTC media, as Janus's configuration writes it: `first-last`."""
        return f"{self.port_base + 10}-{self.port_base + 199}"

    @property
    def mixer_ports(self) -> str:
        """Return the range of UDP ports for RTP of the sound mixer (AudioBridge), as `first-last`."""
        return f"{self.port_base + 200}-{self.port_base + _LAST_PORT}"

    @property
    def ws_url(self) -> str:
        """Return the address at which the agent and the gate (the proxy before Janus) connect to Janus."""
        return f"ws://127.0.0.1:{self.janus_ws_port}/"

    @property
    def join_url(self) -> str:
        """Return the WebSocket URL that participants connect to: our proxy's, unless `public_ws` names another one."""
        return self.public_ws or f"ws://{self.host}:{self.ws_port}/"


def from_environment(env: Mapping[str, str]) -> UnitConfig:
    """Return a media unit's configuration, read from environment variables (`env`). Raises BadConfig."""
    try:
        pid = read_as(UnitName, {"pid": env.get("CMU_PID", "")}).pid or ""
    except InvalidValue as error:
        raise BadConfig(f"CMU_PID {error.words}") from None
    port_base = _read_integer(env, "CMU_PORT_BASE", None)
    if not 1024 <= port_base <= 65535 - _LAST_PORT:
        raise BadConfig(f"CMU_PORT_BASE must lie between 1024 and {65535 - _LAST_PORT}")
    return UnitConfig(
        amqp_url=_read_broker(env),
        ip=_read_required(env, "CMU_IP"),
        pid=pid,
        directory=Path(_read_required(env, "CMU_DIR")).absolute(),
        port_base=port_base,
        confs=_read_integer(env, "CMU_CAPACITY_CONFS", 20),
        ports=_read_integer(env, "CMU_CAPACITY_PORTS", 190),
        compositions=_read_integer(env, "CMU_CAPACITY_COMPOSITIONS", 0),
        platform=env.get("PLATFORM_MOID", ""),
        room=env.get("ROOM_MOID") or None,
        lo_shim=env.get("LO_SHIM", ""),  # by this library Janus may use the loopback interface
        public_ws=env.get("CMU_PUBLIC_WS", ""),
        keep_janus=env.get("CMU_KEEP_JANUS", "") == "1",
        janus_user=env.get("CMU_JANUS_USER", "nobody"),
        monitor_networks=_parse_networks(env.get("MONITOR_NETWORKS", "")),
        tls_authorities=_read_authorities(env),
    )


def _read_authorities(env: Mapping[str, str]) -> str:
    """Return the path of the file with those who may sign the broker's certificate; "" names none. Raises BadConfig."""
    path = env.get("TLS_CA_FILE", "")
    try:
        client_context(path)
    except OSError as error:
        raise BadConfig(f"TLS_CA_FILE: {path} holds no certificates: {error}") from None
    return path


def _read_broker(env: Mapping[str, str]) -> str:
    """Return the URL of the broker. Raises BadConfig if it is missing, or has an option that would have no effect."""
    url = _read_required(env, "AMQP_URL")
    try:
        check_url(url, AMQP)
    except UnusableUrl as error:
        raise BadConfig(f"AMQP_URL: {error}") from None
    return url


def _parse_networks(text: str) -> tuple[Network, ...]:
    """Return the IP networks in a list separated by commas. Raises BadConfig."""
    try:
        return tuple(ip_network(part.strip()) for part in text.split(",") if part.strip())
    except ValueError as error:
        raise BadConfig(f"MONITOR_NETWORKS: {error}") from None


def _read_required(env: Mapping[str, str], name: str) -> str:
    """Return the value of an environment variable. Raises BadConfig if it is not set."""
    if value := env.get(name):
        return value
    raise BadConfig(f"{name} is not set")


def _read_integer(env: Mapping[str, str], name: str, default: int | None) -> int:
    """Return an environment variable as a whole number; without `default` it must be set. Raises BadConfig."""
    value = env.get(name) or (default if default is not None else _read_required(env, name))
    try:
        return int(value)
    except ValueError:
        raise BadConfig(f"{name} must be a whole number, not {value!r}") from None
