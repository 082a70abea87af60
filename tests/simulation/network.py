"""The network knows which sites are down, and which links are cut, both ways or one way."""

from __future__ import annotations

REGISTER = "register"
"""The third place, where it is written down who owns a cell."""


class Network:
    """The network has the links between sites, and from each site to the register."""

    def __init__(self, sites: tuple[str, ...]) -> None:
        self.sites = sites
        self._down: set[str] = set()
        self._cut: set[tuple[str, str]] = set()

    # ---- asked --------------------------------------------------------------------------------

    def up(self, site: str) -> bool:
        """Do its processes run?"""
        return site not in self._down

    def carries(self, sender: str, receiver: str) -> bool:
        """Tell whether anything comes through in this direction."""
        reaches = receiver == REGISTER or self.up(receiver)
        return self.up(sender) and reaches and (sender, receiver) not in self._cut

    def linked(self, site: str, other: str) -> bool:
        """Tell whether two sites can speak with each other."""
        return self.carries(site, other) and (site == REGISTER or (other, site) not in self._cut)

    # ---- done to it ---------------------------------------------------------------------------

    def down(self, site: str) -> None:
        """Kill or freeze a site."""
        self._down.add(site)

    def back(self, site: str) -> None:
        """Let a site run again."""
        self._down.discard(site)

    def cut(self, sender: str, receiver: str) -> None:
        """Cut the link in this direction."""
        self._cut.add((sender, receiver))

    def mend(self, sender: str, receiver: str) -> None:
        """Restore the link in this direction."""
        self._cut.discard((sender, receiver))

    def isolate(self, site: str, *, on: bool) -> None:
        """Cut everything from and to a site; or mend it."""
        change = self.cut if on else self.mend
        for other in (*self.sites, REGISTER):
            if other != site:
                change(site, other)
                change(other, site)

    def heal(self) -> None:
        """Restore all sites and links."""
        self._down.clear()
        self._cut.clear()
