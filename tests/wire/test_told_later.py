"""A create that is acknowledged over HTTP before its outcome is known: the outcome is pushed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from deploy.stand.site import Site
from tests.http.listening import LongPolling
from tests.http.program import Program
from tests.wire.actors import Manager, MediaUnit
from tests.wire.conftest import Units
from tests.wire.line import Line, ReceivedMessage

pytestmark = pytest.mark.xdist_group("wire")


def first_asked(line: Line, units: list[MediaUnit]) -> tuple[MediaUnit, ReceivedMessage]:
    """Return the unit that is told to create a conference, and the order."""

    def asked() -> tuple[MediaUnit, ReceivedMessage] | None:
        for unit in units:
            for order in unit.has_heard("MAU_MCU_CREATECONF_REQ", confname="http"):
                return unit, order
        return None

    return line.wait(asked, 20, lambda: "a unit is asked")


def test_a_create_that_is_acknowledged_first_is_pushed_when_it_runs(
    site: Site, line: Line, units: Units, cm: Manager
) -> None:
    program = Program(site)
    program.log_in("anna")
    both = [units(), units()]
    with LongPolling(site.http, program.cookie) as listener, ThreadPoolExecutor(1) as thread:
        listener.handshake()
        listener.subscribe("/confs/*")
        create = thread.submit(program.create)
        silent, _ = first_asked(line, both)
        (other,) = (unit for unit in both if unit is not silent)
        _, order = first_asked(line, [other])
        created = create.result()
        assert created["description"] == "accepted; it is being started"
        other.accepts(order)
        listener.hears(f"/confs/{created['conf_id']}", "update")
        assert program.get(f"vc/confs/{created['conf_id']}")["state"] == "running"
    cm.release(created["conf_id"])
