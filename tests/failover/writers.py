"""Writers that ask again until they are answered, and the checker of what they were told."""

from __future__ import annotations

import contextlib
import itertools
import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import MySQLdb

TABLES = (
    "CREATE TABLE IF NOT EXISTS op (id CHAR(36) PRIMARY KEY, writer INT, number INT) ENGINE=InnoDB",
    "CREATE TABLE IF NOT EXISTS counter (id INT PRIMARY KEY, n BIGINT NOT NULL) ENGINE=InnoDB",
    "INSERT IGNORE INTO counter VALUES (1, 0)",
)


@dataclass(frozen=True, slots=True)
class Ack:
    """The answer "done" to an operation."""

    op: str
    at: float
    site: str
    epoch: int


CALM, FAST = 0.02, 0.003
"""Seconds a writer waits after each answer: in `make test`, and in `make chaos`, where a kill shall meet a commit."""


class NotServed(Exception):
    """This site does not own the platform now."""


class Writer(threading.Thread):
    """A writer makes transactions as `foundation.bus.unit_of_work` does: gate, effect, commit."""

    def __init__(
        self,
        number: int,
        ports: Mapping[str, int],
        password: str,
        schema: str,
        pause: float = CALM,
        tls: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(daemon=True)
        self.tls = dict(tls or {})
        self.pause = pause
        self.number, self.ports, self.schema = number, ports, schema
        self.password = password
        self.acks: list[Ack] = []
        self.errors: list[str] = []
        self.again = 0
        self.end = threading.Event()
        self._sites = list(ports)
        self._link: Any = None

    def run(self) -> None:
        """Write until told to end; the operation under way is finished or forgotten."""
        op = str(uuid.uuid4())
        while not self.end.is_set():
            site = self._sites[0]
            try:
                epoch = self._write(site, op)
            except (MySQLdb.Error, NotServed) as error:
                self.errors.append(str(error)[:80])
                self._turn()
                continue
            self.acks.append(Ack(op, time.monotonic(), site, epoch))
            op = str(uuid.uuid4())
            self.end.wait(self.pause)

    def _turn(self) -> None:
        """Go on at the other site."""
        if self._link is not None:
            with contextlib.suppress(MySQLdb.Error):
                self._link.close()
        self._link = None
        self._sites.reverse()
        self.end.wait(0.01)

    def _write(self, site: str, op: str) -> int:
        if self._link is None:
            self._link = self._connect(self.ports[site])
        with self._link.cursor() as cursor:
            cursor.execute("SELECT owner, epoch, @@read_only FROM stores_cell LOCK IN SHARE MODE")
            cell = cursor.fetchone()
            if not cell or cell[0] != site or cell[2]:
                raise NotServed(f"{site} does not serve")
            row = (op, self.number, len(self.acks))
            inserted = cursor.execute("INSERT IGNORE INTO op VALUES (%s, %s, %s)", row)
            if inserted and self.number == 0:
                cursor.execute("UPDATE counter SET n = n + 1")
            self.again += not inserted
        self._link.commit()
        return int(cell[1])

    def _connect(self, port: int) -> Any:
        return MySQLdb.connect(
            host="127.0.0.1",
            port=port,
            user="app",
            password=self.password,
            database=self.schema,
            connect_timeout=1,
            read_timeout=2,
            write_timeout=2,
            **self.tls,
        )


@dataclass(frozen=True, slots=True)
class Verdict:
    """The checker's verdict over all operations."""

    acknowledged: int
    lost: int
    twice: int
    sites_at_once: int
    """Acknowledgements of a site after another site had acknowledged under a later epoch."""
    epochs_shared: int
    """Epochs under which more than one site acknowledged."""
    longest_gap: float

    @property
    def good(self) -> bool:
        """Tell whether nothing was lost or done twice, and there were never two sites."""
        return not (self.lost or self.twice or self.sites_at_once or self.epochs_shared)


def judge(writers: Sequence[Writer], ops: set[str], counter: int) -> Verdict:
    """Compare what was acknowledged with what is there."""
    acks = sorted((ack for writer in writers for ack in writer.acks), key=lambda ack: ack.at)
    hot = {ack.op for writer in writers for ack in writer.acks if writer.number == 0}
    sites: dict[int, set[str]] = {}
    for ack in acks:
        sites.setdefault(ack.epoch, set()).add(ack.site)
    gaps = [b.at - a.at for a, b in itertools.pairwise(acks)]
    return Verdict(
        acknowledged=len(acks),
        lost=sum(ack.op not in ops for ack in acks),
        # The hot writer's last operation may be done and not acknowledged.
        twice=max(0, counter - len(hot) - 1),
        sites_at_once=_late(acks),
        epochs_shared=sum(len(epochs) > 1 for epochs in sites.values()),
        longest_gap=max(gaps, default=0.0),
    )


def _late(acks: Sequence[Ack]) -> int:
    """A thread may note its answer a moment late; a site that still serves is late by far more."""
    first: dict[tuple[int, str], float] = {}
    for ack in acks:
        first.setdefault((ack.epoch, ack.site), ack.at)
    return sum(
        any(
            epoch > ack.epoch and site != ack.site and moment + 0.1 < ack.at
            for (epoch, site), moment in first.items()
        )
        for ack in acks
    )
