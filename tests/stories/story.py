"""Two people in a conference, something breaks, and they hear each other again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from deploy.stand.site import Site
from tests.http.program import Program
from tests.media.people import Person
from tests.stories.facts import live, seats
from tests.stories.faults import Fault
from tests.stories.manager import Body, Manager

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds from the blow; `running`: RUNNING on another unit, where it had to move."""

    fault: str
    running: float | None
    sound: float

    def line(self) -> str:
        """One line of the table."""
        moved = f"{self.running:6.1f} s" if self.running is not None else "  stays "
        return f"{self.fault:30} running again {moved}   heard again {self.sound:6.1f} s"


async def tell(site: Site, manager: Manager, fault: Fault) -> Times:
    """The whole story; AssertionError where a promise is broken."""
    created = await _aside(lambda: _create_over_http(site))
    number, join = created["conf_id"], created["join"]
    anna, ben = Person("anna", 440), Person("ben", 880)
    try:
        await asyncio.gather(anna.join(join), ben.join(join))
        assert await _hear_each_other(anna, ben), "nobody hears anybody, before anything broke"
        unit = await _aside(lambda: _unit_of(site, number))
        struck = time.monotonic()
        await _aside(lambda: fault.strike(site, unit))
        running = await _move(manager, number, struck, (anna, ben)) if fault.moves else None
        assert await _hear_each_other(anna, ben), f"silence after: {fault.name}"
        sound = time.monotonic() - struck
        await _control_works(manager, number, anna, ben)
        if fault.moves:
            assert await _aside(lambda: _unit_of(site, number)) != unit
        else:
            assert await _aside(lambda: _unit_of(site, number)) == unit
        return Times(fault.name, running, sound)
    finally:
        await asyncio.gather(anna.leave(), ben.leave())
        await _aside(lambda: _end(site, manager, number))


async def _aside(work: Callable[[], T]) -> T:
    """Do something that blocks, while the media go on."""
    return await asyncio.get_running_loop().run_in_executor(None, work)


def _create_over_http(site: Site) -> Body:
    program = Program(site)
    program.log_in("anna")
    answer = program.create()
    assert answer["success"] == 1, answer
    assert answer["join"], answer
    return answer


async def _move(
    manager: Manager, number: str, struck: float, people: tuple[Person, Person]
) -> float:
    """Both are told, and go where the conference runs now."""
    at, notice = await _aside(lambda: manager.restored(number, struck))
    await asyncio.gather(*(person.rejoin(notice["join"]) for person in people))
    return at - struck


async def _hear_each_other(anna: Person, ben: Person) -> bool:
    fresh = await asyncio.gather(anna.hears_on(), ben.hears_on())
    heard = await asyncio.gather(anna.hears(ben.tone), ben.hears(anna.tone))
    return all(fresh) and all(heard)


async def _control_works(manager: Manager, number: str, anna: Person, ben: Person) -> None:
    """Anna is muted by the manager, and Ben no longer hears her; then he does again."""
    order: dict[str, Any] = {"type": "CM_MCU_GETMTLIST_REQ", "confE164": number}
    listed = await _aside(lambda: _patient(manager, order))
    mtid = next(m["mtid"] for m in listed["mts"] if m["name"] == "anna")
    for value in (1, 0):
        mute = {"type": "CM_MCU_MUTE_REQ", "confE164": number, "mtid": mtid, "value": value}
        said = await _aside(lambda body=mute: _patient(manager, body))  # type: ignore[misc]
        assert said["type"] == "MCU_CM_MUTE_ACK", said
        heard, frames = ben.hears_no if value else ben.hears, ben.ear.frames
        assert await heard(anna.tone), (
            f"mute {value} had no effect: {ben.ear.strength(anna.tone):.0f} of her tone"
            f" in {ben.ear.frames - frames} frames"
        )


def _patient(manager: Manager, body: Body) -> Body:
    """Ask again where nobody answers: the dead part may just be coming back."""
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
    """It ends, and nothing is left of it."""
    answer = _patient(manager, {"type": "CM_MAU_RELEASECONF_REQ", "confE164": number})
    assert answer["type"] == "MAU_CM_RELEASECONF_ACK", answer
    assert live(site) == seats(site) == 0
