"""One site without media units serves the whole suite; every test leaves it as it found it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import pytest

from deploy.stand.ports import SERVER_PORTS, claimed_ports
from deploy.stand.site import Site
from deploy.stand.stand import Stand
from tests.wire.actors import Asker, Manager, MediaUnit, OtherRms
from tests.wire.line import Line, Tap
from tests.wire.morgue import Morgue
from tests.wire.world import license_for, sql

Units = Callable[..., MediaUnit]
Taps = Callable[..., Tap]
_addresses = count(1)


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Start all our processes with their servers, and a licence that limits nothing."""
    root = tmp_path_factory.mktemp("wire")
    with claimed_ports(SERVER_PORTS) as base, Stand(root, base, sites=1, media="none") as stand:
        license_for(stand.sites["east"], 100_000, 100_000)
        yield stand.sites["east"]


@pytest.fixture(scope="session")
def line(site: Site) -> Iterator[Line]:
    """Yield the connection of all actors."""
    connected = Line(site.rabbitmq.url("/"))
    yield connected
    connected.close()


@pytest.fixture
def platform(site: Site) -> str:
    """Return the MOID of the site's platform."""
    return site.vault.platform_moid


@contextmanager
def some_units(site: Site, line: Line) -> Iterator[Units]:
    """Yield a function that makes registered media units, each with its own address; they leave at the end."""
    made_units: list[MediaUnit] = []

    def make(ip: str = "", pid: str = "", *, known: bool = True, **plate: Any) -> MediaUnit:
        number = next(_addresses)
        unit = MediaUnit(line, ip or f"10.77.{number >> 8}.{number & 255}", pid, **plate)
        made_units.append(unit)
        if known:
            unit.registers()
            _until_known(site, unit)
        return unit

    yield make
    for unit in made_units:
        unit.leaves()
    _until_empty(line)


def _until_known(site: Site, unit: MediaUnit) -> None:
    condition = f"ip='{unit.ip}' AND pid='{unit.pid}' AND online"
    query = f"SELECT 1 FROM conferences_resourceunit WHERE {condition}"
    unit.line.wait(lambda: sql(site, query) or None, 20, lambda: f"{unit.me} is known")


def _until_empty(line: Line) -> None:
    """Wait until the RMS has forgotten every unit; a late heartbeat may have brought one back."""
    asker = Asker(line)

    def empty() -> bool | None:
        mcu = asker.ask(maxjoinedmt=1).body.get("mcu")
        if mcu and mcu.get("ip"):
            gone = {"ip": mcu["ip"], "pid": mcu.get("pid", "")}
            body = {"type": "RMS_NODE_UNREGISTER_NTF", "restype": "mcu", **gone}
            line.say("rms.node.ex", "rms.node.k", body)
            return None
        return True

    line.wait(empty, 20, lambda: "no unit is left")
    asker.leave()


@pytest.fixture
def units(site: Site, line: Line) -> Iterator[Units]:
    """Return a function that makes media units."""
    with some_units(site, line) as make:
        yield make


@pytest.fixture
def unit(units: Units) -> MediaUnit:
    """Return one media unit."""
    return units()


@contextmanager
def a_manager(site: Site, line: Line) -> Iterator[Manager]:
    """Yield a conference manager; at the end, end what has been left running."""
    manager = Manager(line)
    yield manager
    while confs := manager.lists(site.vault.platform_moid, count=500)["confs"]:
        for request in [
            manager.asks("CM_MAU_RELEASECONF_REQ", confE164=c["confE164"]) for c in confs
        ]:
            assert manager.answer(request)["type"] == "MAU_CM_RELEASECONF_ACK"
    manager.leave()


@pytest.fixture
def cm(site: Site, line: Line, units: Units) -> Iterator[Manager]:
    """Yield a conference manager."""
    with a_manager(site, line) as manager:
        yield manager


@pytest.fixture
def asker(line: Line) -> Iterator[Asker]:
    """Yield another module that asks the RMS."""
    connected_asker = Asker(line)
    yield connected_asker
    connected_asker.leave()


@pytest.fixture
def rms(line: Line, cm: Manager) -> Iterator[OtherRms]:
    """Yield a resource pool of somebody else, in the place of ours."""
    other = OtherRms(line)
    yield other
    other.leave()


@contextmanager
def a_third_partys_manager(line: Line) -> Iterator[None]:
    """Let a third party's manager serve: our own CM role hears nothing, as if it were switched off."""
    line.bind("meeting.css.q", "MEETING.CSS.EX", "MEETING.CSS.K", on=False)
    yield
    line.bind("meeting.css.q", "MEETING.CSS.EX", "MEETING.CSS.K", on=True)


@pytest.fixture
def no_cm_of_ours(line: Line) -> Iterator[None]:
    """Switch our own CM role off."""
    with a_third_partys_manager(line):
        yield


@pytest.fixture
def morgue(site: Site, line: Line) -> Morgue:
    """Yield the messages that are parked during a test."""
    return Morgue(site, line)


@pytest.fixture
def tap(line: Line) -> Iterator[Taps]:
    """Return a function that listens to an exchange."""
    taps: list[Tap] = []

    def make(*bindings: tuple[str, str]) -> Tap:
        taps.append(Tap(line, *bindings))
        return taps[-1]

    yield make
    for made_tap in taps:
        made_tap.leave()
