"""The story: two people confer, a fault strikes, and they hear each other again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from deploy.stand.site import Site
from tests.http.program import Program
from tests.im.door import eventually
from tests.media.people import Person
from tests.stories.facts import live, seats
from tests.stories.faults import Fault
from tests.stories.manager import Body, Manager

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Times:
    """The seconds since the fault; `running` is set if the conference had to move to another unit."""

    fault: str
    running: float | None
    sound: float

    def line(self) -> str:
        """Return the line of the table."""
        moved = f"{self.running:6.1f} s" if self.running is not None else "  stays "
        return f"{self.fault:30} running again {moved}   heard again {self.sound:6.1f} s"


async def run_story(site: Site, manager: Manager, fault: Fault) -> Times:
    """Run the whole story. Raises AssertionError where a promise is broken."""
    created = await in_thread(lambda: _create_over_http(site))
    number, join = created["conf_id"], created["join"]
    anna, ben = Person("anna", 440), Person("ben", 880)
    try:
        await asyncio.gather(anna.join(join), ben.join(join))
        assert await _hear_each_other(anna, ben), "nobody hears anybody, before anything broke"
        unit = await in_thread(lambda: _unit_of(site, number))
        struck = time.monotonic()
        await in_thread(lambda: fault.strike(site, unit))
        running = await _move(manager, number, struck, (anna, ben)) if fault.moves else None
        is_heard = await _hear_each_other(anna, ben)
        sound = time.monotonic() - struck
        await in_thread(lambda: _patient(manager, _list_request(number)))
        has_moved = await in_thread(lambda: _unit_of(site, number)) != unit
        if has_moved and not fault.moves:
            # On a slow machine the agent starts again only after its unit counts as lost.
            running = await _move(manager, number, struck, (anna, ben))
            is_heard = await _hear_each_other(anna, ben)
            sound = time.monotonic() - struck
        assert is_heard, f"silence after: {fault.name}"
        await _control_works(manager, number, anna, ben)
        assert has_moved or not fault.moves
        return Times(fault.name, running, sound)
    finally:
        await asyncio.gather(anna.leave(), ben.leave())
        await in_thread(lambda: _end(site, manager, number))


async def in_thread(work: Callable[[], T]) -> T:
    """Run blocking work in a thread, while the media go on."""
    return await asyncio.get_running_loop().run_in_executor(None, work)


def _create_over_http(site: Site) -> Body:
    program = Program(site)
    program.log_in("anna")
    answer = program.create()
    assert answer["success"] == 1, answer
    # If its unit is slow, the call answers before the conference runs.
    eventually(lambda: program.get(f"vc/confs/{answer['conf_id']}")["state"] == "running")
    return program.get(f"vc/confs/{answer['conf_id']}")


async def _move(
    manager: Manager, number: str, struck: float, people: tuple[Person, Person]
) -> float:
    """Wait for the notice, and let both people rejoin where the conference runs now."""
    restored_at, notice = await in_thread(lambda: manager.restored(number, struck))
    await asyncio.gather(*(person.rejoin(notice["join"]) for person in people))
    return restored_at - struck


async def _hear_each_other(anna: Person, ben: Person) -> bool:
    fresh = await asyncio.gather(anna.hears_on(), ben.hears_on())
    both_heard = await asyncio.gather(anna.hears(ben.tone), ben.hears(anna.tone))
    return all(fresh) and all(both_heard)


async def _control_works(manager: Manager, number: str, anna: Person, ben: Person) -> None:
    """Let the manager mute Anna, so that Ben no longer hears her, and unmute her again."""
    listed = await in_thread(lambda: _patient(manager, _list_request(number)))
    mtid = next(m["mtid"] for m in listed["mts"] if m["name"] == "anna")
    for value in (1, 0):
        mute = {"type": "CM_MCU_MUTE_REQ", "confE164": number, "mtid": mtid, "value": value}
        answer = await in_thread(lambda body=mute: _patient(manager, body))  # type: ignore[misc]
        assert answer["type"] == "MCU_CM_MUTE_ACK", answer
        expectation, frames = ben.hears_no if value else ben.hears, ben.ear.frames
        assert await expectation(anna.tone), (
            f"mute {value} had no effect: {ben.ear.strength(anna.tone):.0f} of her tone"
            f" in {ben.ear.frames - frames} frames"
        )


def _list_request(number: str) -> Body:
    return {"type": "CM_MCU_GETMTLIST_REQ", "confE164": number}


def _patient(manager: Manager, body: Body) -> Body:
    """Ask again if no answer comes: the dead part may just be coming back."""
    for _ in range(4):
        try:
            answer = manager.ask(dict(body), 8)
        except TimeoutError:
            continue
        if answer.get("errcode") != "29012":
            return answer
        time.sleep(1)
    raise AssertionError(f"no answer to {body}")


def _unit_of(site: Site, number: str) -> str:
    query = f"SELECT unit_pid FROM conferences_conference WHERE live_e164='{number}'"
    return str(site.mariadb.sql(query, schema=site.name)).split()[-1]


def _end(site: Site, manager: Manager, number: str) -> None:
    """End the conference, and assert that nothing is left of it."""
    answer = _patient(manager, {"type": "CM_MAU_RELEASECONF_REQ", "confE164": number})
    assert answer["type"] == "MAU_CM_RELEASECONF_ACK", answer
    assert live(site) == seats(site) == 0
