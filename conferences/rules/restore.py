"""Lost and restored: a conference leaves a dead unit and is placed again (CSS §1.2)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from conferences.rules import outgoing
from conferences.rules.create import MOST_UNITS, UNIT_ANSWERS_IN, decide_next_unit
from conferences.rules.end import decide_end
from conferences.rules.rename import wish_is_over
from conferences.rules.states import Conference, ConferenceState, EndReason, Unit
from conferences.rules.step import Step, nothing
from foundation.bus.outgoing import Outgoing
from wire.error_codes import Err
from wire.resource_pool import ResourcesGranted, ResourcesRefused

TRY_AGAIN_IN = timedelta(seconds=10)

RMS_FINDS_IN = timedelta(seconds=10)
"""No client waits for this answer, and when a site is lost the RMS has thousands to give."""

_S = ConferenceState


def decide_lost(c: Conference, unit: Unit, now: datetime, avoid: tuple[Unit, ...] = ()) -> Step:
    """Its unit is lost: it waits, and a new one is asked for at once."""
    if c.unit != unit:
        return nothing(f"not on {unit}")
    if c.state is _S.CREATING:
        return decide_next_unit(c, Err.UNIT_SILENT, now)
    if c.state is _S.PENDING_RESTORE:
        return nothing("already waits to be restored")
    if not c.protected:
        return decide_end(c, EndReason.MCU_LOST, now)
    return _wait(c, f"lost {unit}", now, avoid)


def _wait(c: Conference, because: str, now: datetime, avoid: tuple[Unit, ...]) -> Step:
    waiting = c.lose_unit(now, avoid=avoid)
    asked = decide_restore(waiting, now)
    told: tuple[Outgoing, ...] = (
        outgoing.reservation(c, "free"),
        *wish_is_over(c, Err.WRONG_STATE),
    )
    if c.state is _S.RUNNING:
        told += (outgoing.moved(waiting), *outgoing.number_free(c))
    return Step(f"{because}; {asked.because}", c, asked.after, (*told, *asked.send))


def decide_restore(c: Conference, now: datetime) -> Step:
    """It waits: ask the RMS for a unit."""
    if c.state is not _S.PENDING_RESTORE:
        return nothing("does not wait to be restored")
    after = c.ask(now + RMS_FINDS_IN).change(restore_at=None)
    return Step("asking the RMS for a unit", c, after, (outgoing.ask_rms(after, "restore"),))


def decide_restore_resources(
    c: Conference,
    reply: ResourcesGranted | ResourcesRefused,
    question: int,
    at: str,
    now: datetime,
) -> Step:
    """The RMS has answered: tell the unit if the conference still waits, else wait on."""
    if c.state is not _S.PENDING_RESTORE or c.question != question or c.answer_by is None:
        return nothing("late answer of the RMS; its reservation lapses")
    granted = isinstance(reply, ResourcesGranted)
    unit = Unit.of(reply.mcu, at) if isinstance(reply, ResourcesGranted) else None
    if unit is None or not isinstance(reply, ResourcesGranted):
        return wait_on(c, "no unit is free" if granted else "the RMS failed", now)
    until = now + UNIT_ANSWERS_IN
    platform = (reply.mcu or {}).get("platformmoid") or at
    after = c.place(unit, platform, until, vrs=Unit.of(reply.vrs, at), mps=Unit.of(reply.mps, at))
    return Step(f"restoring on {unit}", c, after, (outgoing.command(after),))


def wait_on(c: Conference, because: str, now: datetime) -> Step:
    """Not now: it is tried again in 10 s, or as soon as places are free. No unit is avoided then."""
    after = c.change(answer_by=None, restore_at=now + TRY_AGAIN_IN, tried=())
    return Step(f"{because}, waiting for the next round", c, after)


def decide_unit_took_it_again(c: Conference, join: dict[str, Any] | None, now: datetime) -> Step:
    """The unit has restored it (or still had it): RUNNING, and everybody is told where."""
    after = c.begin_running(join, now)
    told = (
        outgoing.moved(after),
        *outgoing.number_in_use(after),
        outgoing.reservation(after, "used"),
    )
    return Step(f"runs again on {after.unit}", c, after, told)


def decide_restore_failed(c: Conference, code: str, now: datetime) -> Step:
    """The unit refused or was silent: it drops it, and the next one is asked for."""
    assert c.unit is not None
    gone = (outgoing.drop(c.unit, c.e164, c.incarnation), outgoing.reservation(c, "free"))
    tried = c.tried
    waiting = c.lose_unit(now, avoid=tried, dropped=True)
    if len(tried) >= MOST_UNITS:
        later = wait_on(waiting, f"{len(tried)} units did not take it ({code})", now)
        return Step(later.because, c, later.after, gone)
    asked = decide_restore(waiting, now)
    return Step(f"{c.unit} did not take it ({code})", c, asked.after, (*gone, *asked.send))
