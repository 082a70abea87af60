"""Define the specifications of the stand's sites, which say how they differ."""

from dataclasses import dataclass
from pathlib import Path

from deploy.stand.ports import SITE_STRIDE
from deploy.stand.rabbitmq import PLATFORM_PLUGINS
from deploy.stand.vault import Vault


@dataclass(frozen=True, slots=True)
class SiteSpec:
    """A specification says how a site differs from others: name, block of ports, roles, workers, plugins of its broker.

    `xmpp`: people may chat with XMPP clients. `sip`: telephones call in. `stages`: each step of reading
    chat messages is a process of its own.
    """

    name: str
    index: int
    roles: str = "css,rms,cm,pms,npp,nms,upu"
    workers: int = 2
    plugins: tuple[str, ...] = PLATFORM_PLUGINS
    xmpp: bool = False
    sip: bool = False
    stages: bool = False

    def first_port(self, port_base: int) -> int:
        """Return the first port of this site's block; `port_base` is the first port of the whole stand."""
        return port_base + SITE_STRIDE * self.index

    @property
    def has_conferences(self) -> bool:
        """Return whether the site schedules conferences, so that there are events to push to programs."""
        return "css" in self.roles.split(",")

    @property
    def has_im(self) -> bool:
        """Return whether the site has instant messages, so that it needs a second broker for people's clients."""
        return "im" in self.roles.split(",")


SITES = (SiteSpec("east", 0), SiteSpec("west", 1))
# The core gets few messages, has no media units and no instant messages; its ports are in the first site's block.
CORE = SiteSpec("core", 0, roles="bmc", workers=1, plugins=("rabbitmq_management",))


@dataclass(frozen=True, slots=True)
class Core:
    """Represent the core (the site where domains and accounts are edited), as the other sites need to know it."""

    vault: Vault
    http: str
    directory: Path
