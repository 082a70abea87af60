"""A request id stands in the log lines of every process that worked on the request."""

from __future__ import annotations

import time

import pytest

from deploy.stand.site import Site
from tests.http.program import Program

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("stories")]


def logs_that_name(site: Site, request_id: str) -> set[str]:
    """Return the kinds of process (web, worker, simulator) whose logs bear a request id."""
    return {
        file.stem.rstrip("0123456789")
        for file in (site.directory / "log").glob("*.log")
        if f"request_id={request_id}" in file.read_text(errors="replace")
    }


def test_an_id_leads_from_the_web_process_by_the_worker_to_the_media_unit(
    program: Program, simulated: Site
) -> None:
    program.request_id = "story-42"
    created = program.create()
    assert created["success"] == 1
    assert program.headers["x-request-id"] == "story-42"
    wanted, deadline = {"web", "worker", "simulator"}, time.monotonic() + 10
    while not wanted <= logs_that_name(simulated, "story-42") and time.monotonic() < deadline:
        time.sleep(0.1)
    assert logs_that_name(simulated, "story-42") >= wanted
    worker = "".join(
        file.read_text(errors="replace") for file in (simulated.directory / "log").glob("worker*")
    )
    lines = [line for line in worker.splitlines() if "request_id=story-42" in line]
    assert any("handling GET_RES_ACK" in line for line in lines), "the pool carries the id on"
    assert any("handling MCU_MAU_CREATECONF_ACK" in line for line in lines), "so does the unit"
    assert any(f"conference={created['conf_id']}" in line for line in lines)


@pytest.mark.parametrize("forged", ["two words", "x" * 65])
def test_an_id_that_could_forge_log_lines_is_replaced(program: Program, forged: str) -> None:
    program.raw("GET", "/healthz", X_Request_ID=forged)
    request_id = program.headers["x-request-id"]
    assert request_id != forged
    assert len(request_id) == 32
