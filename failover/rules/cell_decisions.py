"""The decision of a cell agent: which one step comes next. Pure: facts in, one step out.

The words (cell, owner, copy, register, protected) are defined in `cell_facts`. All rules below
serve one promise: no acknowledged write is lost.

A commit is acknowledged to its client in two cases only: the copy has acknowledged it, or the
register says that the owner is unprotected in the present epoch. A copy takes over by ceasing to
acknowledge: from then on the former owner, even a frozen one that wakes up later, can commit
nothing under the old epoch. So an unreachable register, clocks that differ, or a frozen owner cost
time, never a write.

An owner stops waiting for the copy (becomes unprotected) under one condition alone: this very
process of its agent has seen the register accept a new epoch for that, and has written nothing
since that could make the register say "protected" again. An earlier compare-and-set, whose answer
was lost, may still arrive at the register much later. It names the old epoch, so it then changes
nothing.
"""

from __future__ import annotations

from dataclasses import replace

from failover.rules.cell_facts import Action, Facts, Limits, Mode, RegisterRow, Step, idle_step
from failover.rules.copy_decisions import decide_as_copy, start_copy


def decide(facts: Facts, limits: Limits, now: float) -> Step:
    """Decide the next step of this site's agent for one cell (one platform's data), at the time `now`.

    The order of the questions matters: an operator's fence comes before everything, and nothing is
    decided about ownership while the register or the own database does not answer.
    """
    if facts.row is not None and _is_fenced(facts.me, facts.row):
        return _obey_fence(facts, facts.row)
    if facts.own.alive and not facts.own.answers:
        return _decide_silent_database(facts, limits, now)
    if facts.row is None:
        return _decide_without_register(facts)
    if facts.own.alive and facts.own.unsafe_setting:
        return _refuse_unsafe_setting(facts)
    if facts.row.owner == facts.me:
        return _decide_as_owner(facts, facts.row, limits, now)
    return decide_as_copy(facts, facts.row, limits, now)


def _decide_silent_database(facts: Facts, limits: Limits, now: float) -> Step:
    """Decide what to do with this site's database, which runs but does not answer: it is starting, or it is frozen.

    If another site owns the platform's data and this database last took writes, it is killed at once, because it may
    wake up and take writes again. Otherwise it is restarted when it has been silent for too long.
    """
    is_owned_elsewhere = facts.row is not None and facts.row.owner != facts.me
    if is_owned_elsewhere and not facts.own.read_only:
        return Step(
            action=Action.FENCE, because=facts.ownership + "; mine is open and does not answer"
        )
    is_hung = now - facts.answered_at > limits.hung
    if is_hung and now - facts.started_at > limits.start:
        return Step(action=Action.RESTART, because="my database does not answer any more: kill it")
    return idle_step("my database does not answer yet")


def _is_fenced(me: str, row: RegisterRow) -> bool:
    """Return whether an operator asks that this site's (`me`) database is killed and the other site takes over."""
    return row.wish_fence and row.owner == me and row.wish == row.other(me)


def _obey_fence(facts: Facts, row: RegisterRow) -> Step:
    """Return the step that kills this site's database, or keeps it down, as an operator has requested (fencing)."""
    if facts.own.alive:
        return Step(action=Action.FENCE, because=f"{row.wish_by} fences me: kill my database")
    return idle_step(f"fenced by {row.wish_by}: mine stays down until {row.wish} serves")


def _refuse_unsafe_setting(facts: Facts) -> Step:
    """Return the step for a database whose settings could lose acknowledged writes: it must not serve.

    If another site owns the platform's data and this database takes writes, it is killed.
    """
    is_owner = facts.row is not None and facts.row.owner == facts.me
    if not is_owner and not facts.own.read_only:
        return Step(action=Action.FENCE, because=facts.ownership)
    return idle_step(f"refused: {facts.own.unsafe_setting}")


# ---- the register is unreachable -----------------------------------------------------------------


def _decide_without_register(facts: Facts) -> Step:
    """Decide the next step while the register (which site owns the data) is unreachable: nothing that makes two owners.

    A copy goes on copying and does not take over. A former owner may open its database again if
    each commit waits for the copy's acknowledgement. If the copy has taken over meanwhile, it
    acknowledges nothing, so nothing can be committed here.
    """
    own, last = facts.own, facts.last
    away = "the register is unreachable"
    if not own.alive:
        if last is not None and last.owner != facts.me:
            return start_copy(facts, last)
        return idle_step(f"{away}: I can not prove that I still own it, my database stays down")
    if own.follows:
        return idle_step(f"{away}: I go on copying, nobody takes over")
    was_owner = last is not None and last.owner == facts.me
    if was_owner and last and own.read_only and own.semi and not own.unsafe_setting:
        with_the_copy = replace(last, solo=False)
        return Step(
            action=Action.OPEN,
            because=f"{away}; the copy's acknowledgement will do",
            row=with_the_copy,
        )
    if own.read_only:
        return idle_step(f"{away}: my database stays closed")
    if own.semi:
        return idle_step(f"{away}: I serve as long as the copy acknowledges")
    return idle_step(f"{away}: I serve alone, as it said last")


# ---- this site owns the cell ---------------------------------------------------------------------


def _decide_as_owner(facts: Facts, row: RegisterRow, limits: Limits, now: float) -> Step:
    """Decide the next step when the register says that this site owns the platform's data (takes its writes)."""
    own = facts.own
    if not own.alive:
        return Step(
            action=Action.START_AS_OWNER,
            because=f"my database died, epoch {row.epoch} is mine: restart",
        )
    if own.follows:
        return _decide_new_owner(facts, row)
    # Unprotected (solo): commits do not wait until the copy has them.
    if row.solo:
        return _decide_unprotected_owner(facts, row, limits, now)
    return _decide_protected_owner(facts, row, limits, now)


def _decide_new_owner(facts: Facts, row: RegisterRow) -> Step:
    """Decide the next step when the register names this site as owner but its database is still a copy.

    Usually the copy applies what it has received, and then serves. Two cases come first:

    - The copy's process restarted before the copy was complete again, so acknowledged writes may be missing.
      Ownership is given back to the other site, which has them, unless an operator forced the takeover.
    - The row says unprotected (`solo`), and this process of the agent did not write that epoch itself. It
      writes a new epoch, so that no earlier compare-and-set can undo it.
    """
    if not facts.own.complete and not row.forced:
        return Step(
            action=Action.WRITE_OWNERSHIP,
            because="my copy restarted before it served: give back, the last writes are there",
            row=replace(row, epoch=row.epoch + 1, owner=row.other(facts.me), solo=False),
            kind="given back",
        )
    if row.solo and facts.unprotected_epoch != row.epoch:
        return _take_unprotected_epoch(row, "mine, alone; nothing older may undo it")
    return Step(
        action=Action.PROMOTE,
        because=f"epoch {row.epoch} is mine: apply what came, then serve",
        row=row,
    )


def _take_unprotected_epoch(row: RegisterRow, because: str) -> Step:
    """Return the step that lets this owner commit without its copy: it writes that to the register, with a new epoch.

    The epoch is the number of the ownership. An earlier compare-and-set that is still on its way to the register names
    the old epoch and fails, so it cannot make the register say "protected" again.
    """
    after = replace(row, epoch=row.epoch + 1, solo=True)
    return Step(action=Action.WRITE_OWNERSHIP, because=because, row=after, kind="solo")


def _is_copy_back(facts: Facts, limits: Limits, now: float) -> bool:
    """Return whether the copy is connected again and nearly caught up, so that it acknowledges commits at once.

    It must have answered and acknowledged within the last `limits.solo` seconds.
    """
    answers = now - facts.heard_at <= limits.solo and now - facts.acked_at <= limits.solo
    return facts.own.attached and facts.caught_up and answers


def _decide_unprotected_owner(facts: Facts, row: RegisterRow, limits: Limits, now: float) -> Step:
    """Decide the next step of an unprotected owner: its commits do not wait for the copy until that is back.

    The owner is the site whose database takes a platform's writes; the copy is the replica at the other site.
    `solo` in the register of owners means unprotected. The owner first takes a new epoch (see
    `_take_unprotected_epoch`).
    """
    own = facts.own
    if not own.read_only and _is_copy_back(facts, limits, now):
        return Step(
            action=Action.PROTECT,
            because="the copy is attached again: wait for its acknowledgement from now on",
            row=replace(row, solo=False, forced=False),
            kind="protected",
        )
    # Without an epoch of its own for being alone, this site does not know whether the other one has taken over.
    if (own.semi or own.read_only) and facts.unprotected_epoch != row.epoch:
        return _take_unprotected_epoch(row, "no copy is attached: I serve alone")
    # Its commits still wait for the copy (semi-synchronous replication).
    if own.semi:
        return Step(
            action=Action.GO_UNPROTECTED, because="the register says solo: wait for nobody", row=row
        )
    if own.read_only:
        return Step(action=Action.OPEN, because=f"serve alone, epoch {row.epoch}", row=row)
    return _declare_step(facts, row) or idle_step("solo: I serve alone, no copy is attached")


def _decide_protected_owner(facts: Facts, row: RegisterRow, limits: Limits, now: float) -> Step:
    """Decide the next step of a protected owner: each of its commits waits for the copy's acknowledgement.

    The owner is the site whose database takes a platform's writes; the copy is the replica at the other site.
    """
    own = facts.own
    if now - facts.acked_at > limits.solo:
        after = replace(row, epoch=row.epoch + 1, solo=True)
        return Step(
            action=Action.WRITE_OWNERSHIP,
            because="the copy does not acknowledge: solo",
            row=after,
            kind="solo",
        )
    if own.read_only or not own.semi:
        return Step(
            action=Action.OPEN,
            because=f"serve, epoch {row.epoch}, once the copy acknowledges",
            row=row,
        )
    declared = _declare_step(facts, row)
    return declared or _hand_over_step(facts, row, limits, now) or idle_step("protected")


def _declare_step(facts: Facts, row: RegisterRow) -> Step | None:
    """Return the step that writes owner and epoch (number of the ownership) into the own database for transactions.

    `None` means that they are there already, or that the table for them does not exist yet.
    """
    if facts.own.declared in (None, (row.owner, row.epoch)):
        return None
    return Step(action=Action.DECLARE, because=f"tell transactions of epoch {row.epoch}", row=row)


def _hand_over_step(facts: Facts, row: RegisterRow, limits: Limits, now: float) -> Step | None:
    """Return the step that hands the platform over to the other site, or one that only says what it waits for.

    `None` means that no hand-over is wanted. It waits until the other database answers and has
    nearly caught up, and until the other site's agent reports that it could serve; an operator can
    overrule only the last condition (`wish_force`). A request of the other site's agent, which
    takes the workers here for dead, is withdrawn while they are alive.
    """
    is_by_agent = bool(row.wish) and row.wish == row.wish_by == row.other(facts.me)
    if is_by_agent and _are_workers_alive(facts, limits, now):
        because = f"{row.wish_by} holds my software for dead, and it lives: the wish is withdrawn"
        after = row.without_request()
        return Step(action=Action.WITHDRAW, because=because, row=after, kind="withdrawn")
    to, reason = _wanted_owner(facts, row, limits, now)
    if not to:
        return idle_step(reason) if reason else None
    if to == facts.me:
        return None
    if now - facts.heard_at > limits.solo:
        return idle_step(f"hand-over waits: the database of {to} does not answer ({reason})")
    if not facts.caught_up:
        return idle_step(f"hand-over waits: the copy at {to} lags ({reason})")
    if not facts.other_well and not row.wish_force:
        return idle_step(f"hand-over waits: {to} does not say that it could serve ({reason})")
    after = replace(row.without_request(), epoch=row.epoch + 1, owner=to, forced=False)
    because = f"hand over to {to}: {reason}"
    return Step(
        action=Action.HAND_OVER, because=because, row=after, kind="handover", automatic=is_by_agent
    )


def _are_workers_alive(facts: Facts, limits: Limits, now: float) -> bool:
    """Return whether this site's workers (processes that handle messages) gave a sign of life lately.

    Lately is half of `limits.pulse`, the seconds after which they count as dead. Time in which this agent itself was
    held up, and could see no sign, does not count.
    """
    if facts.software_at is None:
        return False
    return now - max(facts.software_at, facts.on_time_since) <= limits.pulse / 2


def _wanted_owner(facts: Facts, row: RegisterRow, limits: Limits, now: float) -> tuple[str, str]:
    """Return the site that should own the platform's data, and why: ("", reason) if nothing is to change now.

    The reason then says what is waited for; "" means nothing. An operator's request comes first; then in the mode
    MANUAL the backup serves, in the mode AUTO the platform's own site (home) once it was well for a while.
    """
    if row.wish:
        return row.wish, f"asked for by {row.wish_by or 'an operator'}"
    if row.mode is Mode.MANUAL:
        return row.backup, "mode manual"
    if row.mode is not Mode.AUTO or facts.well_since is None:
        return "", ""
    pause = _pause_before_return(facts.takeovers_today, limits)
    if now - facts.well_since > pause:
        return row.home, "home is well again"
    is_pause_longer = pause > limits.well
    reason = f"protected; home serves again when it was well for {pause:.0f} s"
    return "", f"{reason}: {facts.takeovers_today} takeovers in a day" if is_pause_longer else ""


def _pause_before_return(takeovers: int, limits: Limits) -> float:
    """Return how many seconds a platform's own site must have been well before it gets the platform back.

    The time doubles with each takeover of the last day but the first, up to `limits.longest_pause`.
    """
    doubled = limits.well * 2.0 ** min(max(0, takeovers - 1), 32)
    return max(limits.well, min(doubled, limits.longest_pause))
