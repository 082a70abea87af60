"""Restore: a conference leaves a dead unit and is placed again (CSS §1.2)."""

from __future__ import annotations

from datetime import datetime, timedelta

from conferences.rules import outgoing
from conferences.rules.create import MOST_UNITS, UNIT_ANSWERS_IN, decide_next_unit
from conferences.rules.end import decide_end
from conferences.rules.rename import refuse_open_rename
from conferences.rules.states import Conference, ConferenceState, EndReason, Unit
from conferences.rules.step import Step, nothing
from foundation.bus.outgoing import Outgoing
from wire.error_codes import Err
from wire.fields import Join
from wire.resource_pool import ResourcesGranted, ResourcesRefused

TRY_AGAIN_IN = timedelta(seconds=10)

RMS_FINDS_IN = timedelta(seconds=10)
"""The RMS may take longer than for a create: no client waits, and after the loss of a site it answers thousands."""

_S = ConferenceState


def decide_lost(c: Conference, unit: Unit, now: datetime, avoid: tuple[Unit, ...] = ()) -> Step:
    """Let a conference wait whose unit is lost, and ask for a new unit at once."""
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
    step = decide_restore(waiting, now)
    messages: tuple[Outgoing, ...] = (
        outgoing.reservation(c, "free"),
        *refuse_open_rename(c, Err.WRONG_STATE),
    )
    if c.state is _S.RUNNING:
        messages += (outgoing.moved(waiting), *outgoing.number_free(c))
    return Step(f"{because}; {step.because}", c, step.after, (*messages, *step.send))


def decide_restore(c: Conference, now: datetime) -> Step:
    """Ask the RMS for a unit for a conference that waits."""
    if c.state is not _S.PENDING_RESTORE:
        return nothing("does not wait to be restored")
    after = c.ask(now + RMS_FINDS_IN).change(restore_at=None)
    return Step("asking the RMS for a unit", c, after, (outgoing.ask_rms(after, "restore"),))


def decide_restore_resources(
    c: Conference,
    reply: ResourcesGranted | ResourcesRefused,
    question: int,
    site: str,
    now: datetime,
) -> Step:
    """Hand a waiting conference to the unit that the RMS granted, or let it wait on.

    `site`: where the unit stands.
    """
    if c.state is not _S.PENDING_RESTORE or c.question != question or c.answer_by is None:
        return nothing("late answer of the RMS; its reservation lapses")
    granted = isinstance(reply, ResourcesGranted)
    unit = Unit.of(reply.mcu, site) if isinstance(reply, ResourcesGranted) else None
    if unit is None or not isinstance(reply, ResourcesGranted):
        return wait_on(c, "no unit is free" if granted else "the RMS failed", now)
    until = now + UNIT_ANSWERS_IN
    platform = (reply.mcu and reply.mcu.platform) or site
    after = c.place(
        unit, platform, until, vrs=Unit.of(reply.vrs, site), mps=Unit.of(reply.mps, site)
    )
    return Step(f"restoring on {unit}", c, after, (outgoing.command(after),))


def wait_on(c: Conference, because: str, now: datetime) -> Step:
    """Let a conference wait for the next round: in 10 s, or as soon as places are free.

    Any unit may be chosen then.
    """
    after = c.change(answer_by=None, restore_at=now + TRY_AGAIN_IN, tried=())
    return Step(f"{because}, waiting for the next round", c, after)


def decide_unit_took_it_again(c: Conference, join: Join | None, now: datetime) -> Step:
    """Let a conference run again that its unit has restored, or still had, and tell everybody where."""
    after = c.begin_running(join, now)
    messages = (
        outgoing.moved(after),
        *outgoing.number_in_use(after),
        outgoing.reservation(after, "used"),
    )
    return Step(f"runs again on {after.unit}", c, after, messages)


def decide_restore_failed(c: Conference, code: str, now: datetime) -> Step:
    """Take the conference off a unit that refused or was silent, and ask for the next one."""
    assert c.unit is not None
    release = (outgoing.drop(c.unit, c.e164, c.incarnation), outgoing.reservation(c, "free"))
    tried = c.tried
    waiting = c.lose_unit(now, avoid=tried, dropped=True)
    if len(tried) >= MOST_UNITS:
        later = wait_on(waiting, f"{len(tried)} units did not take it ({code})", now)
        return Step(later.because, c, later.after, release)
    step = decide_restore(waiting, now)
    return Step(f"{c.unit} did not take it ({code})", c, step.after, (*release, *step.send))
