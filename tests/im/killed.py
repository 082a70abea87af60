"""People keep writing while center, broker or database are killed, and the result is checked."""

from __future__ import annotations

import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from deploy.stand import programs
from deploy.stand.ports import claimed_ports, ports_for
from deploy.stand.site import Site
from deploy.stand.stand import Stand
from im.conformance.device import Device
from im.conformance.person import Person

PASSWORD = "Heron-Orchard-29"
MADE = (
    "from domains.flows import people; from domains.models import Account;"
    " domain = Account.objects.get(username='anna').domain_id;"
    " [people.create({!r}, username=name, domain_id=domain) for name in {!r}"
    " if not Account.objects.filter(username=name).exists()]"
)
PEOPLE = ("dora", "emil", "fay")
WAYS = (("dora", "amqp"), ("emil", "mqtt"), ("fay", "amqp"), ("dora", "mqtt"))
"""Who listens, and over what: all of them speak too."""
PAUSE_SECONDS = 0.05
MOST_WAITING = 15
"""Of one device: whoever waits for more answers says nothing new."""

Strike = Callable[[Site], None]


@contextmanager
def chat_site(root: Path, *, stages: bool = False) -> Iterator[Site]:
    """Run a site with instant messages, without media units, with some more people.

    `stages`: each stage of its message center is a process of its own.
    """
    with (
        claimed_ports(ports_for(0)) as base,
        Stand(root, base, media="none", im=True, stages=stages) as stand,
    ):
        site = stand.sites["east"]
        add_people(site)
        yield site


def add_people(site: Site) -> None:
    """Add people to anna's domain."""
    site.manage("shell", "-c", MADE.format(PASSWORD, PEOPLE))


def _process(name: str) -> Strike:
    """Return the strike that kills a process, which is started again by itself."""
    return lambda site: site.processes[name].kill(signal.SIGKILL)


def _broker(site: Site) -> None:
    broker = site.clients_broker
    assert broker is not None
    broker.kill()
    broker.start()


def _database(site: Site) -> None:
    site.mariadb.kill()
    site.mariadb.start()


STRIKES: dict[str, Strike] = {
    "center": _process("center"),
    "broker": _broker,
    "database": _database,
}
STAGES: dict[str, Strike] = {name: _process(name) for name in programs.STAGES}
"""On a site whose message center is a process for each stage."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """`missing`: acknowledged, and not stored under that seq; `twice`: shown again by some device; `holes`:
    in the log, or on some device; `astray`: shown elsewhere in the order than where it is stored."""

    acknowledged: int
    missing: int
    twice: int
    holes: int
    astray: int

    @property
    def is_good(self) -> bool:
        """Return whether every promise was kept."""
        return not (self.missing or self.twice or self.holes or self.astray)


class Talk:
    """A group in which everybody writes all the time."""

    def __init__(self, site: Site, backup: str = "") -> None:
        self._site, self._ends = site, threading.Event()
        people = {name: Person(site.http, name, PASSWORD, backup) for name in PEOPLE}
        first, *others = people.values()
        self.group = first.group("talk", [device.id for device in others])
        self.devices = [
            Device(people[name], way, patience=3, heartbeat_seconds=3) for name, way in WAYS
        ]
        for device in self.devices:
            device.wait(lambda device=device: device.connected)  # type: ignore[misc]
        self._thread = threading.Thread(target=self._speak, daemon=True)
        self._thread.start()

    @property
    def seconds(self) -> list[float]:
        """Return how long each acknowledgement took, the shortest first."""
        return sorted(took for device in self.devices for took in device.answers.seconds.values())

    def _speak(self) -> None:
        count = 0
        while not self._ends.wait(PAUSE_SECONDS):
            device = self.devices[count % len(self.devices)]
            count += 1
            if len(device.waiting) < MOST_WAITING:
                device.text(self.group, f"{device.person.name} says {count}")

    def goes_on(self, seconds: float = 120.0) -> float:
        """Wait until each device has three more answers, and return how long that took."""
        began = time.monotonic()
        counts = [len(device.answers.acked) for device in self.devices]
        for device, before in zip(self.devices, counts, strict=True):
            device.wait(lambda device=device, n=before: len(device.answers.acked) >= n + 3, seconds)  # type: ignore[misc]
        return time.monotonic() - began

    def forget(self) -> None:
        """Forget the durations measured so far."""
        for device in self.devices:
            device.answers.seconds.clear()

    def falls_silent(self) -> None:
        """Stop writing, and wait until everything is answered and received."""
        self._ends.set()
        self._thread.join()
        for device in self.devices:
            device.wait(lambda device=device: not device.waiting, 120)  # type: ignore[misc]
        top = max(max(seq for _, seq in device.answers.acked.values()) for device in self.devices)
        for device in self.devices:
            device.wait(lambda device=device: device.logs[self.group].last >= top, 60)  # type: ignore[misc]

    def close(self) -> None:
        """Disconnect everybody."""
        self._ends.set()
        for device in self.devices:
            device.close()

    # ---- what became of it --------------------------------------------------------------------

    def verdict(self) -> Verdict:
        """Compare what was promised with what is stored and shown."""
        stored = self._stored()
        acked = {m: seq for device in self.devices for m, (_, seq) in device.answers.acked.items()}
        return Verdict(
            acknowledged=len(acked),
            missing=sum(stored.get(seq) != mark for mark, seq in acked.items()),
            twice=sum(_twice(self._marks(device)) for device in self.devices)
            + _twice([mark for mark in stored.values() if mark]),
            holes=sum(_holes([*device.logs[self.group].entries]) for device in self.devices)
            + _holes([*stored]),
            astray=sum(self._astray(device, stored) for device in self.devices),
        )

    def _stored(self) -> dict[int, str]:
        """Return the sender's own id of each stored seq, or "" for entries that nobody has sent."""
        query = (
            "SELECT CONCAT(seq, ' ', COALESCE(client_msg_id, '')) FROM im_entry"
            f" WHERE conversation_id={self.group} ORDER BY seq"
        )
        lines = self._site.mariadb.sql(query, self._site.name).splitlines()
        return {int(seq): mark for seq, _, mark in (line.partition(" ") for line in lines)}

    def _marks(self, device: Device) -> list[str]:
        shown_data = [e["data"] for e in device.shown if e["data"]["conversation_id"] == self.group]
        return [data["client_msg_id"] for data in shown_data if "client_msg_id" in data]

    def _astray(self, device: Device, stored: dict[int, str]) -> int:
        said = [stored[seq] for seq in device.logs[self.group].entries if stored.get(seq)]
        return sum(a != b for a, b in zip(self._marks(device), said, strict=True))


def _twice(marks: list[str]) -> int:
    return len(marks) - len(set(marks))


def _holes(seqs: list[int]) -> int:
    return max(seqs) - min(seqs) + 1 - len(seqs) if seqs else 0


def killed(site: Site, strike: Strike, times: int) -> tuple[Verdict, float]:
    """Strike a site several times; return the verdict and the longest silence after a strike."""
    talk = Talk(site)
    try:
        talk.goes_on()
        silences = []
        for _ in range(times):
            time.sleep(random.random())
            strike(site)
            silences.append(talk.goes_on())
        talk.falls_silent()
        return talk.verdict(), max(silences)
    finally:
        with suppress(TimeoutError):
            talk.close()
