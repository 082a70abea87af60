"""The sites of the stand, and how they differ."""

from dataclasses import dataclass
from pathlib import Path

from deploy.stand.ports import SITE_STRIDE
from deploy.stand.rabbitmq import PLATFORM_PLUGINS
from deploy.stand.vault import Vault


@dataclass(frozen=True, slots=True)
class SiteSpec:
    """A site's specification is what tells it from another site."""

    name: str
    index: int  # which block of ports
    roles: str = "css,rms,cm,pms"
    workers: int = 2
    plugins: tuple[str, ...] = PLATFORM_PLUGINS

    def first_port(self, port_base: int) -> int:
        """Return the first port of the site's block."""
        return port_base + SITE_STRIDE * self.index

    @property
    def has_im(self) -> bool:
        """Return whether people's clients sign in at the site's broker."""
        return "im" in self.roles.split(",")


SITES = (SiteSpec("east", 0), SiteSpec("west", 1))
# It takes few messages, has no media units and no IM, and lies in the first site's block of ports.
CORE = SiteSpec("core", 0, roles="bmc", workers=1, plugins=("rabbitmq_management",))


@dataclass(frozen=True, slots=True)
class Core:
    """The core, as its sites know it."""

    vault: Vault
    http: str
    directory: Path
