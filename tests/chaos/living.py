"""A site that lives stays where it is, however slow it is and whatever its broker does."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from deploy.stand.site import Site
from failover.data.cells.connection import DatabaseLink
from tests.chaos.story import Stories
from tests.failover.two import Two, two_sites

LASTS = 60.0
SPINNERS, WRITERS = 100, 50
SPIN = "while :; do :; done"
WRITE = "while :; do dd if=/dev/zero of={}/busy.$$ bs=64k count=64 oflag=dsync; done"
MOVES = "SELECT COUNT(*) AS n FROM failover_failoverevent WHERE kind IN ('takeover', 'handover')"
UNWELL = "SELECT COUNT(*) AS n FROM failover_failoverevent WHERE kind='asked'"


def stories(root: Path) -> Stories:
    """Tell the stories of brokers that accept nothing, a locked database, and a host under heavy load."""
    with two_sites(root, units=2) as two:
        two.at_rest()
        east = two.east
        yield "broker blocked by its memory alarm", partial(_stays, two, partial(blocked, east))
        yield "broker frozen", partial(_stays, two, partial(frozen, east))
        yield "tables locked for a backup", partial(_stays, two, partial(locked, two))
        yield "150 programs that want to run", partial(_stays, two, partial(busy, root))


def _stays(two: Two, trouble: Callable[[], object]) -> str:
    """Assert that no platform is moved while the trouble lasts, nor after it."""
    before = _count(two, MOVES), _count(two, UNWELL)
    with contextmanager(trouble)():  # type: ignore[arg-type]  # each of them yields once
        time.sleep(LASTS)
    took = two.at_rest()
    assert _count(two, MOVES) == before[0], "a site that lives was moved"
    return f"nobody moved, {_count(two, UNWELL) - before[1]} asked; protected after {took:.1f} s"


def _count(two: Two, query: str) -> int:
    link = DatabaseLink.from_url(two.register_url)
    try:
        return int(link.first_row(query)["n"])
    finally:
        link.close()


def blocked(site: Site) -> Iterator[None]:
    """Let the broker block everybody who publishes."""
    site.rabbitmq.ctl("set_vm_memory_high_watermark", "0.000001")
    yield
    site.rabbitmq.ctl("set_vm_memory_high_watermark", "0.4")


def frozen(site: Site) -> Iterator[None]:
    """Freeze the broker: it answers nobody, and no connection ends."""
    pid = site.rabbitmq.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    yield
    os.kill(pid, signal.SIGCONT)


def locked(two: Two) -> Iterator[None]:
    """Lock all tables as a classic backup does, so that nothing can be written."""
    link = two.link(two.east, two.east)
    link.execute("FLUSH TABLES WITH READ LOCK")
    yield
    link.execute("UNLOCK TABLES")


def busy(root: Path) -> Iterator[None]:
    """Start programs of which most use a processor, and the others a disk."""
    words = [SPIN] * SPINNERS + [WRITE.format(root)] * WRITERS
    programs = [
        subprocess.Popen(["/bin/sh", "-c", each], stderr=subprocess.DEVNULL, start_new_session=True)
        for each in words
    ]
    try:
        yield
    finally:
        for program in programs:
            os.killpg(program.pid, signal.SIGKILL)
        for program in programs:
            program.wait()
        for left in root.glob("busy.*"):
            left.unlink()
