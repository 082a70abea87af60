"""The disk of a database, or of a broker, is full: it is named, nothing acknowledged is lost, and all goes on."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from deploy.stand.mariadb import MariaDB
from deploy.stand.rabbitmq import RabbitMQ
from failover.data.cells.connection import DatabaseLink, Failure
from foundation.cells.patience import WEB
from foundation.cells.sql import WAITS_FOR_DISK
from foundation.web.findings import find_alarms
from tests.chaos.story import Stories

PORT = 29_600
PASSWORD = "of-chaos-alone"
DISK = "192m"


def stories(root: Path) -> Stories:
    """Tell the stories of a database whose disk is full, which only root can make, and of a broker without space."""
    if os.geteuid() == 0:
        with _disk(root / "disk") as disk:
            yield "disk of the database full", partial(_database, root, disk)
    yield "disk of the broker full", partial(_broker, root)


@contextmanager
def _disk(folder: Path) -> Iterator[Path]:
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


class Writer:
    """Somebody who counts up in a row of the database, and notes which numbers were acknowledged."""

    def __init__(self, url: str) -> None:
        self._link, self._ended = DatabaseLink.from_url(url, WEB.answer), threading.Event()
        self._link.execute("CREATE TABLE counted (id INT PRIMARY KEY, n INT, filler TEXT)")
        self._link.execute("INSERT INTO counted VALUES (1, 0, '')")
        self.acknowledged, self.refused, self.longest = 0, 0, 0.0
        self._thread = threading.Thread(target=self._write, daemon=True)
        self._thread.start()

    def _write(self) -> None:
        number = 0
        while not self._ended.is_set():
            number, began = number + 1, time.monotonic()
            query = "UPDATE counted SET n=GREATEST(n, %s), filler=REPEAT(%s, 2000) WHERE id=1"
            try:
                self._link.execute(query, [number, str(number % 10)])
                self.acknowledged = number
            except Failure:
                self.refused += 1
            self.longest = max(self.longest, time.monotonic() - began)
            time.sleep(0.01)

    def stop(self) -> None:
        self._ended.set()
        self._thread.join(2 * WEB.answer)
        self._link.close()


def _database(root: Path, disk: Path) -> str:
    options = ("--log-bin=binlog", "--sync-binlog=1", "--server-id=1")
    server = MariaDB(
        disk / "mariadb",
        PORT,
        PASSWORD,
        schemas=["site"],
        templates=root / "templates",
        buffer_pool="32M",
        log_size="16M",
        options=options,
    )
    server.start()
    writer = Writer(server.url())
    doctor = DatabaseLink.from_url(server.url(), 2)
    try:
        _until(lambda: writer.acknowledged > 20, "nobody writes", 30)
        assert not _waits(doctor)
        filler = disk / "filler"
        subprocess.run(["dd", "if=/dev/zero", f"of={filler}", "bs=4k"], stderr=subprocess.DEVNULL)
        began = time.monotonic()
        _until(lambda: _waits(doctor), "nobody sees that the disk is full", 60)
        seen = time.monotonic() - began
        _until(lambda: writer.refused > 0, "who waits is not refused", 3 * WEB.answer)
        last = writer.acknowledged
        filler.unlink()
        freed = time.monotonic()
        _until(lambda: writer.acknowledged > last, "it does not go on", 120)
        took = time.monotonic() - freed
        writer.stop()
        stored = int(doctor.first_row("SELECT n FROM counted")["n"])
        assert stored >= writer.acknowledged, (
            f"{writer.acknowledged} was acknowledged, {stored} is stored"
        )
        assert writer.longest < WEB.answer + 2, f"somebody waited {writer.longest:.1f} s"
    finally:
        writer.stop()
        doctor.close()
        server.stop()
    return (
        f"named after {seen:.1f} s, refused within {writer.longest:.1f} s,"
        f" on {took:.1f} s after space was free, {writer.acknowledged} acknowledged, none lost"
    )


def _waits(link: DatabaseLink) -> bool:
    return any(row["State"] == WAITS_FOR_DISK for row in link.execute("SHOW PROCESSLIST"))


def _broker(root: Path) -> str:
    server = RabbitMQ(root / "rabbitmq", PORT + 50, PASSWORD, node="chaos-full")
    server.start()
    url = f"http://platform:{PASSWORD}@127.0.0.1:{PORT + 53}"
    try:
        assert find_alarms("alarms", url).is_ok
        server.ctl("set_disk_free_limit", "900000GB")
        began = time.monotonic()
        _until(lambda: "disk is full" in find_alarms("alarms", url).wrong, "no alarm is named", 60)
        seen = time.monotonic() - began
        server.ctl("set_disk_free_limit", "1MB")
        _until(lambda: find_alarms("alarms", url).is_ok, "the alarm stays", 60)
    finally:
        server.stop()
    return f"named after {seen:.1f} s, and gone when there was space"


def _until(is_true: Callable[[], bool], failure: str, seconds: float) -> None:
    end = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < end, failure
        time.sleep(0.2)
