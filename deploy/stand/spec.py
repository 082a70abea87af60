"""Which sites there are, and what tells one from another."""

from dataclasses import dataclass
from pathlib import Path

from deploy.stand.ports import SITE_STRIDE
from deploy.stand.rabbitmq import PLUGINS
from deploy.stand.vault import Vault


@dataclass(frozen=True, slots=True)
class SiteSpec:
    """What tells one site from another."""

    name: str
    index: int  # which block of ports
    roles: str = "css,rms,cm,pms"
    workers: int = 2
    plugins: tuple[str, ...] = PLUGINS

    def first_port(self, port_base: int) -> int:
        return port_base + SITE_STRIDE * self.index

    @property
    def has_im(self) -> bool:
        """Do people's clients sign in at its broker?"""
        return "im" in self.roles.split(",")


SITES = (SiteSpec("east", 0), SiteSpec("west", 1))
# It takes few messages, has no media units and no IM, and lies in the first site's block of ports.
CORE = SiteSpec("core", 0, roles="bmc", workers=1, plugins=("rabbitmq_management",))


@dataclass(frozen=True, slots=True)
class Core:
    """What a site knows of its core."""

    vault: Vault
    http: str
    directory: Path
