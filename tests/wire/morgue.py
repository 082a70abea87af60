"""Messages that cannot be handled end in `mau.dead.q`, with an index in the database."""

from __future__ import annotations

import hashlib

from deploy.stand.site import Site
from tests.wire.line import Line, ReceivedMessage
from tests.wire.world import last_parked, parked

DEAD = "mau.dead.q"


def _name(body: bytes) -> str:
    return hashlib.md5(body, usedforsecurity=False).hexdigest()


class Morgue:
    """The messages that come into `mau.dead.q` and its index from now on."""

    def __init__(self, site: Site, line: Line) -> None:
        self._site, self._line = site, line
        line.take_all(DEAD)
        self._since = last_parked(site)
        self._wanted = 0
        self.dead: dict[str, list[ReceivedMessage]] = {}

    def has_all(self, bodies: list[bytes]) -> None:
        """Wait until each of these lies there; nothing is there twice."""
        wanted = {_name(body) for body in bodies}
        self._wanted += len(wanted)

        def arrived() -> bool | None:
            for message in self._line.take_all(DEAD):
                name = _name(message.raw)
                self.dead.setdefault(name, []).append(message)
            return wanted <= self.dead.keys() or None

        self._line.wait(arrived, 20, lambda: f"{len(wanted - self.dead.keys())} are missing")
        index = parked(self._site, self._since)
        for name in wanted:
            assert len(self.dead[name]) == len(index[name]) == 1, self.dead[name]
            headers = self.dead[name][0].properties.headers
            queue, reason, _ = index[name][0]
            assert (headers["x-source-queue"], headers["x-reason"]) == (queue, reason)
            assert reason

    def reason(self, body: bytes) -> str:
        """Return why a message was parked."""
        return str(self.dead[_name(body)][0].properties.headers["x-reason"])

    def queue(self, body: bytes) -> str:
        """Return the queue from which a message came."""
        return str(self.dead[_name(body)][0].properties.headers["x-source-queue"])

    def has_nothing_else(self) -> bool:
        """Tell whether the test has waited for all that was parked."""
        return len(parked(self._site, self._since)) == len(self.dead) == self._wanted
