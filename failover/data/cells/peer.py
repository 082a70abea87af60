"""The other site's database of a platform, as a cell agent knows it by asking it again and again."""

from __future__ import annotations

import time

from failover.data.cells import own_database
from failover.data.cells.config import Cell
from failover.data.cells.connection import DatabaseLink, Failure
from failover.data.cells.liveness import Punctuality

ANSWER_LATE = 2.0
"""The register, or the other site's database, counts as cut off after so many seconds without an answer."""


class Peer:
    """The peer is the other site's database of the same platform, whose state is asked four times a second."""

    def __init__(self, cell: Cell) -> None:
        """Prepare the link to the other site's database of the platform (cell), which is not asked yet."""
        self._cell = cell
        self._link = DatabaseLink(
            host=cell.peer_host,
            port=cell.peer_port,
            user="copy",
            password=cell.copy_password,
            **cell.peer_tls(),
        )
        self.heard_at = time.monotonic()
        """When it last answered, at first the start of this agent (`time.monotonic`)."""
        self.is_open = False
        """Whether it took writes when it was last asked."""
        self.sequence: int | None = None
        """The number of its last transaction; `None` until it has answered."""
        self.answers = Punctuality(ANSWER_LATE)
        """Since when it has answered without a gap."""

    def ask_state(self) -> None:
        """Ask the other site's database for its state; if it does not answer, `heard_at` stays old."""
        try:
            values = self._link.first_row(
                "SELECT @@gtid_binlog_pos AS position, @@read_only AS closed"
            )
        except Failure:
            self.is_open = False
            return
        self.sequence = own_database.sequence_number(values["position"], self._cell.number)
        self.is_open = not values["closed"]
        self.heard_at = time.monotonic()
        self.answers.tick()
