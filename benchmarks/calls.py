"""The benchmark of calls: how long until it rings, is silent elsewhere, and has a place on a media unit."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.bench_site import in_memory, lift_limits
from benchmarks.load import LoadResult
from deploy.stand.ports import claimed_ports, ports_for
from deploy.stand.stand import Stand
from im.conformance.device import Device
from im.conformance.person import Person
from tests.im.killed import PASSWORD, add_people

CALLS = 40
PATIENCE_SECONDS = 10.0
WHAT = {
    "ring": "every device of the called person rings, after asking",
    "silent": "the other device is told that the call was answered, after answering",
    "media": "both people know where to enter the conference, after answering",
    "over": "both people are told of the end, after hanging up",
}


def run() -> list[dict[str, Any]]:
    """Measure calls between two people on a site with instant messages and one Janus.

    Return a result for each step measured.
    """
    with (
        tempfile.TemporaryDirectory(prefix="bench-", dir=in_memory()) as directory,
        claimed_ports(ports_for(1)) as base,
        Stand(Path(directory), base, sites=1, media="janus", units=1, im=True) as stand,
    ):
        site = stand.sites["east"]
        lift_limits(site)
        add_people(site)
        caller = Person(site.http, "dora", PASSWORD)
        called = Person(site.http, "emil", PASSWORD)
        devices = [Device(caller, "amqp"), Device(called, "amqp"), Device(called, "mqtt")]
        try:
            for device in devices:
                device.wait(lambda device=device: device.connected)  # type: ignore[misc]
            results = {name: LoadResult() for name in WHAT}
            for _ in range(CALLS):
                _call(caller, called, devices, results)
        finally:
            for device in devices:
                device.close()
    return [_row(WHAT[name], result) for name, result in results.items()]


def _row(what: str, result: LoadResult) -> dict[str, Any]:
    """Return the figures of one step; calls are made one after the other, so there is no rate."""
    summary = result.summary()
    return {
        "what": what,
        **{name: value for name, value in summary.items() if name != "per_second"},
    }


def _call(
    caller: Person, called: Person, devices: list[Device], results: dict[str, LoadResult]
) -> None:
    """Make one call from its first ring to its end, and note how long each step took."""

    def told(device: Device, cmd: str, number: str) -> bool:
        """Tell whether a device has received the command `cmd` about this call."""
        return any(
            entry["cmd"] == cmd and entry["data"]["call_id"] == number for entry in device.beside
        )

    def measure(name: str, begin: float, is_done: Callable[[], bool]) -> None:
        """Wait until something has happened, and add the seconds since `begin` to the results named `name`.

        After PATIENCE_SECONDS an error is added instead.
        """
        while not is_done():
            if time.perf_counter() - begin > PATIENCE_SECONDS:
                results[name].errors.append("not in time")
                return
            time.sleep(0.001)
        results[name].latencies.append(time.perf_counter() - begin)

    others = devices[1:]
    began = time.perf_counter()
    wanted = {"user": called.id, "device": "a1"}
    number = str(caller.call("POST", "calls", wanted, app="social")["call"]["call_id"])
    measure("ring", began, lambda: all(told(one, "call.ringing", number) for one in others))
    path, began = f"calls/{number}", time.perf_counter()
    with ThreadPoolExecutor(1) as pool:
        answer = {"device": "b1"}
        asked = pool.submit(called.call, "POST", f"{path}/answer", answer, app="social")
        measure("silent", began, lambda: told(others[1], "call.answered", number))
        media = asked.result()["media"]
    its = caller.call("GET", f"{path}/media", app="social")["media"]
    measure("media", began, lambda: bool(media["join"] and its["join"]))
    began = time.perf_counter()
    caller.call("POST", f"{path}/hangup", app="social")
    measure("over", began, lambda: all(told(one, "call.ended", number) for one in devices))
    for device in devices:
        device.beside.clear()
