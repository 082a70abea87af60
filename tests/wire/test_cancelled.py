"""A consumer that the broker has cancelled begins a new session by itself."""

from __future__ import annotations

import pytest

from deploy.stand.site import Site
from tests.wire.actors import Manager, MediaUnit
from tests.wire.line import Line
from tests.wire.saying import start
from wire.routes import Routes

pytestmark = pytest.mark.xdist_group("wire")


def test_queues_that_are_deleted_are_declared_and_consumed_again(
    cm: Manager, unit: MediaUnit, line: Line
) -> None:
    queues = {route.value.queue for route in Routes if line.consumers_of(route.value.queue)}
    assert {"MAU.CMMAU.Q", "mau.cmumau.q", "RMS.RES.Q", "mau.bmc.q"} <= queues
    for queue in queues:
        line.delete(queue)
    line.wait(
        lambda: all(map(line.consumers_of, queues)) or None,
        30,
        lambda: f"consumers of {[q for q in queues if not line.consumers_of(q)]}",
    )
    start(cm, unit)


def test_a_queue_of_tasks_that_is_deleted_is_consumed_again(site: Site) -> None:
    tasks = Line(site.rabbitmq.url("celery"))
    try:
        assert tasks.consumers_of("tasks")
        tasks.delete("tasks")
        tasks.wait(lambda: tasks.consumers_of("tasks") or None, 30, lambda: "consumers of tasks")
    finally:
        tasks.close()
