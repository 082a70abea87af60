"""The rules for restoring a conference on another media unit after its unit was lost (CSS §1.2)."""

from __future__ import annotations

from datetime import datetime, timedelta

from conferences.rules import outgoing
from conferences.rules.create import MAX_UNITS_TRIED, UNIT_ANSWERS_IN, decide_next_unit
from conferences.rules.decision import Decision, no_change
from conferences.rules.end import decide_end, decide_unit_ended
from conferences.rules.rename import refuse_open_rename
from conferences.rules.states import Conference, ConferenceState, EndReason, Unit
from conferences.rules.telephone_entry import tell_gates
from foundation.bus.outgoing import Outgoing
from wire.error_codes import Err
from wire.fields import Join
from wire.media_unit import UnitEnded
from wire.resource_pool import ResourcesGranted, ResourcesRefused

TRY_AGAIN_IN = timedelta(seconds=10)
MAX_CLOCK_DIFFERENCE = timedelta(seconds=5)
"""A unit that ends a conference because of the time, but so long before its end, is taken to have a wrong clock."""

RMS_FINDS_IN = timedelta(seconds=10)
"""The time for an answer of the resource manager (RMS), longer than for a create: no client waits for it, and thousands
of conferences may be asked for at once."""

_State = ConferenceState


def decide_lost(
    conference: Conference, unit: Unit, now: datetime, avoid: tuple[Unit, ...] = ()
) -> Decision:
    """Decide to take a conference off its lost media unit, and ask for another unit.

    An unprotected conference ends instead; a new one that does not run yet tries the next unit. Nothing changes if it
    is not on that unit, or has lost it already. `unit`: the lost unit. `avoid`: units that the resource manager must
    not grant.
    """
    if conference.unit != unit:
        return no_change(f"not on {unit}")
    if conference.state is _State.CREATING:
        return decide_next_unit(conference, Err.UNIT_SILENT, now)
    if conference.state is _State.PENDING_RESTORE:
        return no_change("already waits to be restored")
    if not conference.protected:
        return decide_end(conference, EndReason.MCU_LOST, now)
    return _ask_for_other_unit(conference, f"lost {unit}", now, avoid)


def decide_ended_by_unit(
    conference: Conference, notice: UnitEnded, unit: Unit | None, now: datetime
) -> Decision:
    """Decide to end a conference that its media unit has ended; if that was too early, restore it on another unit.

    A unit ends a conference too early if its clock is ahead, or if the message about a later end was lost.
    """
    is_assigned = (
        notice.incarnation == conference.incarnation
        and unit is not None
        and conference.unit == unit
    )
    is_early = conference.ends_at is not None and now < conference.ends_at - MAX_CLOCK_DIFFERENCE
    is_running = conference.state is _State.RUNNING
    if (
        unit
        and is_assigned
        and is_early
        and is_running
        and notice.reason == EndReason.EXPIRED.value
    ):
        return decide_lost(conference, unit, now, avoid=(unit,))
    return decide_unit_ended(conference, notice, unit, now)


def _ask_for_other_unit(
    conference: Conference, reason: str, now: datetime, avoid: tuple[Unit, ...]
) -> Decision:
    """Decide to take a conference off its media unit, tell all parties, and ask for a unit that is not in `avoid`."""
    waiting = conference.lose_unit(now, avoid=avoid)
    decision = decide_restore(waiting, now)
    messages: tuple[Outgoing, ...] = (
        outgoing.resource_usage(conference, "free"),
        *refuse_open_rename(conference, Err.WRONG_STATE),
    )
    if conference.state is _State.RUNNING:
        messages += (outgoing.moved_notice(waiting), *outgoing.number_free(conference))
    return Decision(
        f"{reason}; {decision.reason}", conference, decision.after, (*messages, *decision.send)
    )


def decide_restore(conference: Conference, now: datetime) -> Decision:
    """Decide to ask the resource manager (RMS) for a media unit for a conference that waits to be restored."""
    if conference.state is not _State.PENDING_RESTORE:
        return no_change("does not wait to be restored")
    after = conference.ask(now + RMS_FINDS_IN).change(restore_at=None)
    return Decision(
        "asking the RMS for a unit", conference, after, (outgoing.ask_rms(after, "restore"),)
    )


def decide_restore_resources(
    conference: Conference,
    reply: ResourcesGranted | ResourcesRefused,
    question: int,
    site: str,
    now: datetime,
) -> Decision:
    """Decide to place a waiting conference on the media unit that the resource manager (RMS) granted, or let it wait.

    A late reply, to an earlier question than the conference's last one, changes nothing. `question`: the number of the
    question that the reply answers. `site`: the site of the granted unit.
    """
    if (
        conference.state is not _State.PENDING_RESTORE
        or conference.question != question
        or conference.answer_by is None
    ):
        return no_change("late answer of the RMS; its reservation lapses")
    is_granted = isinstance(reply, ResourcesGranted)
    unit = Unit.of(reply.mcu, site) if isinstance(reply, ResourcesGranted) else None
    if unit is None or not isinstance(reply, ResourcesGranted):
        return wait_for_next_try(
            conference, "no unit is free" if is_granted else "the RMS failed", now
        )
    until = now + UNIT_ANSWERS_IN
    platform = (reply.mcu and reply.mcu.platform) or site
    after = conference.place(
        unit, platform, until, vrs=Unit.of(reply.vrs, site), mps=Unit.of(reply.mps, site)
    )
    return Decision(f"restoring on {unit}", conference, after, (outgoing.create_or_restore(after),))


def wait_for_next_try(conference: Conference, reason: str, now: datetime) -> Decision:
    """Decide to let a conference without a media unit wait for the next attempt, in 10 s or once places are free.

    Then any unit may be granted, also one that was tried before. `reason`: why, for the log.
    """
    after = conference.change(answer_by=None, restore_at=now + TRY_AGAIN_IN, tried=())
    return Decision(f"{reason}, waiting for the next round", conference, after)


def decide_unit_restored(conference: Conference, join: Join | None, now: datetime) -> Decision:
    """Decide to let a conference run again that its media unit has restored, or still had.

    All parties are told where it runs. `join`: how people enter it.
    """
    after = conference.begin_running(join, now)
    messages = (
        outgoing.moved_notice(after),
        *((tell_gates(after),) if after.unit else ()),
        *outgoing.number_in_use(after),
        outgoing.resource_usage(after, "used"),
    )
    return Decision(f"runs again on {after.unit}", conference, after, messages)


def decide_restore_failed(conference: Conference, code: str, now: datetime) -> Decision:
    """Decide to look for another media unit for a conference whose new unit refused to restore it, or was silent.

    After MAX_UNITS_TRIED units it waits for the next attempt. `code`: the error code of the unit's failure.
    """
    assert conference.unit is not None
    release = (
        outgoing.drop_command(conference.unit, conference.e164, conference.incarnation),
        outgoing.resource_usage(conference, "free"),
    )
    tried = conference.tried
    waiting = conference.lose_unit(now, avoid=tried, dropped=True)
    if len(tried) >= MAX_UNITS_TRIED:
        waiting_decision = wait_for_next_try(
            waiting, f"{len(tried)} units did not take it ({code})", now
        )
        return Decision(waiting_decision.reason, conference, waiting_decision.after, release)
    decision = decide_restore(waiting, now)
    return Decision(
        f"{conference.unit} did not take it ({code})",
        conference,
        decision.after,
        (*release, *decision.send),
    )
