"""The agent of the site that does not own a platform's data decides: take over, or follow.

The words are defined in `cell_facts`; the promise that these rules serve is explained in `cell_decisions`.
"""

from __future__ import annotations

from dataclasses import replace

from failover.rules.cell_facts import Action, Facts, Limits, Mode, RegisterRow, Step, idle_step


def decide_as_copy(facts: Facts, row: RegisterRow, limits: Limits, now: float) -> Step:
    """Decide the next step of an agent whose site, by the register, has only a copy of the platform's data."""
    own = facts.own
    if not own.alive:
        return start_copy(facts, row)
    # A copy takes no writes; this database still works as an owner's, so it must not stay as it is.
    if own.semi or not own.read_only:
        return Step(action=Action.FENCE, because=facts.ownership + "; mine is open: kill it")
    if facts.diverged_at is not None and now - facts.diverged_at > limits.diverged:
        return _decide_diverged(row)
    takeover = _decide_takeover(facts, row, limits, now)
    if takeover.action is Action.NOTHING and _must_follow(facts, limits, now):
        return Step(action=Action.FOLLOW, because=f"follow {row.owner}" + _after_colon(own.trouble))
    return takeover


def _must_follow(facts: Facts, limits: Limits, now: float) -> bool:
    """Return whether the agent must now make its database copy from the owner (again), because it does not copy.

    If the database has only lost its connection, the agent waits until the owner's database answers.
    """
    own = facts.own
    if now - facts.followed_at < limits.follow:
        return False
    if not own.follows or not own.applying:
        return True
    return not own.receiving and now - facts.heard_at < limits.follow


def _after_colon(trouble: str) -> str:
    """Return a database error as the end of a sentence: with a colon before it; "" stays ""."""
    return f": {trouble}" if trouble else ""


def start_copy(facts: Facts, row: RegisterRow) -> Step:
    """Decide how to start the dead database of a site that does not own the platform's data.

    "Tail" is the end of its log, which no copy has acknowledged. Three cases:
    - The database has taken no writes since it was last a complete copy. It starts with its tail, which comes
      from the owner.
    - It has taken writes, and the owner does not serve yet. Its last writes may exist nowhere else, and the
      owner may still be promoted or hand the platform back. It stays down.
    - It has taken writes, and the owner serves. The owner has every acknowledged write, so those in the tail
      were acknowledged to nobody, and the tail is dropped. After a forced takeover it may hold
      acknowledged writes that the owner lacks: then it is kept, for an operator to recover.
    """
    if not facts.served:
        because = f"my copy is down, {row.owner} owns it: start it"
        return Step(action=Action.START_AS_COPY, because=because, keep=True)
    if not facts.peer_open:
        return idle_step(f"{row.owner} owns it and does not serve yet: mine stays down until then")
    because = f"{row.owner} serves: mine starts as its copy"
    return Step(action=Action.START_AS_COPY, because=because, keep=row.forced)


def _decide_diverged(row: RegisterRow) -> Step:
    """Decide what to do with a copy that holds transactions which the owner's database does not have.

    After an ordinary takeover nobody got an acknowledgement of them: the copy's data is put aside,
    and the copy is made anew. After a forced takeover clients may have got one, and the owner lacks
    them: nothing is touched until an operator has listed and repeated them.
    """
    if row.forced:
        return idle_step(
            f"the takeover by {row.owner} was forced: my last writes may be missing there;"
            " an operator lists and replays them before this copy is made anew"
        )
    return Step(
        action=Action.REBUILD,
        because="I hold writes that were acknowledged to nobody: put them aside, copy anew",
    )


def _decide_takeover(facts: Facts, row: RegisterRow, limits: Limits, now: float) -> Step:
    """Decide whether this site's copy takes over and becomes the owner; if not, the step does nothing and says why.

    It may when the owner's database is silent, or when the owner's workers are dead though its
    database answers (the liveness counter stands still, and its agent does not say that all is
    well). In the second case the owner's agent is first asked to hand over in order. An operator
    may force a takeover when the owner is silent or unprotected.
    """
    is_silent = _is_owner_silent(facts, limits, now)
    is_requested = row.wish == facts.me and row.wish_by != facts.me
    is_manual = row.mode is Mode.MANUAL and row.backup == facts.me and not row.wish
    is_wanted = is_requested or is_manual
    if is_requested and row.wish_force and (is_silent or row.solo):
        return _take_over(facts, row, "an operator forces it")
    if not is_silent and not _are_workers_dead(facts, limits, now):
        because = f"the software of {row.owner} is back: the wish is withdrawn"
        return _withdraw_own_request(facts, row, because) or idle_step(
            f"I copy; {row.owner} owns it"
        )
    condition = "is silent" if is_silent else "has a database and no software"
    refusal = _takeover_refusal(facts, row, limits, is_wanted)
    if not refusal and not is_wanted:
        is_vouched_for = is_silent and now - facts.vouched_at <= limits.takeover
        owner_serves = "its agent says at the register that it serves"
        refusal = owner_serves if is_vouched_for else _why_unfit_itself(facts, limits, now)
    if refusal:
        because = f"{row.owner} {condition}; {refusal}"
        return _withdraw_own_request(facts, row, because) or idle_step(because)
    if not is_silent and (facts.asked_at is None or now - facts.asked_at <= limits.ask):
        return _ask_for_handover(facts, row)
    return _take_over(facts, row, f"{row.owner} {condition}: take over", automatic=not is_wanted)


def _is_owner_silent(facts: Facts, limits: Limits, now: float) -> bool:
    """Return whether the owner's database has not answered for too long.

    Silence counts only from when this agent could have heard an answer. It proves nothing while the
    agent itself was held up, or was cut off from the register. Nor does it count from before the
    owner's last entry in the register: an owner that becomes protected has just heard this copy's
    database, even if this agent has not heard the owner yet.
    """
    could_hear_since = max(facts.on_time_since, facts.unchanged_since)
    return now - max(facts.heard_at, could_hear_since) > limits.takeover


def _are_workers_dead(facts: Facts, limits: Limits, now: float) -> bool:
    """Return whether the worker processes at the owner, the site that serves the platform, count as dead.

    They give two signs of life: a counter in the owner's database that grows (`pulse_at`: when it last did), and the
    report of the owner's agent that the site is well. Log lines and reasons call the workers "software".
    """
    if facts.pulse_at is None or facts.other_well:
        return False  # A counter that was never seen says nothing.
    # Silence counts only while we could have heard: this agent ran on time, and the owner's database answered.
    could_hear_since = max(facts.on_time_since, facts.hearing_since)
    return now - max(facts.pulse_at, could_hear_since) > limits.pulse


def _why_unfit_itself(facts: Facts, limits: Limits, now: float) -> str:
    """Return why this site must not take over without an operator, as it seems ill itself; "" if it seems well.

    `doubted_since`: since when the other site has, or asks for, this site's own platform. `software_at`: when this
    site's own worker processes last gave a sign of life. That must be within half the time after which another site's
    count as dead; otherwise a site whose workers are dying would take over what it could not serve.
    """
    if facts.doubted_since is not None and now - facts.doubted_since <= limits.well:
        return "this site is being taken over itself"
    if facts.software_at is not None and now - facts.software_at > limits.pulse / 2:
        return "the software of this site is dead too"
    return ""


def _takeover_refusal(facts: Facts, row: RegisterRow, limits: Limits, is_wanted: bool) -> str:
    """Return why this copy must not take over now; "" means that it may.

    `is_wanted`: an operator or the recovery mode asks for it; then the mode and the hourly limit do not count.
    Reasons because of which writes could be lost always count. `row.solo`: the owner was unprotected, that is, it
    acknowledged writes that no copy has.
    """
    if row.solo:
        return "it was solo, my copy may lack its last writes: an operator must decide"
    if row.mode is Mode.OFF and not is_wanted:
        return "nobody takes over, mode off"
    if row.mode is Mode.MANUAL and not is_wanted:
        return "nobody takes over by itself, mode manual"
    if not is_wanted and facts.takeovers >= limits.takeovers:
        return f"{facts.takeovers} automatic takeovers within an hour: an operator must decide"
    if not facts.own.follows:
        return "my database does not copy it: an operator must decide"
    if not facts.own.complete:
        return "my copy restarted and has not been complete since: an operator must decide"
    if not facts.own.applying:
        return f"my copy does not apply what it receives{_after_colon(facts.own.trouble)}"
    return ""


def _take_over(facts: Facts, row: RegisterRow, because: str, *, automatic: bool = False) -> Step:
    """Return the step by which this site takes over: it becomes the owner, unprotected, with the next epoch (number).

    The takeover is marked as forced if the former owner was unprotected or this copy is not
    complete: writes that the former owner acknowledged may then be missing.
    """
    after = replace(
        row.without_request(),
        epoch=row.epoch + 1,
        owner=facts.me,
        solo=True,
        forced=row.solo or row.forced or not facts.own.complete,
    )
    return Step(
        action=Action.WRITE_OWNERSHIP,
        because=because,
        row=after,
        kind="takeover",
        automatic=automatic,
    )


def _ask_for_handover(facts: Facts, row: RegisterRow) -> Step:
    """Return the step that asks the owner's agent to hand over in order, as its database still answers."""
    if row.wish:
        return idle_step(f"{row.owner} is asked to hand over")
    asking = replace(row, wish=facts.me, wish_by=facts.me)
    because = f"the software of {row.owner} is dead: ask its agent to hand over"
    return Step(action=Action.ASK, because=because, row=asking, kind="asked")


def _withdraw_own_request(facts: Facts, row: RegisterRow, because: str) -> Step | None:
    """Return the step that withdraws this agent's own request that the owner hand the platform over to this site.

    `None` means that no such request stands in the register (`row`). An operator's request stays.
    """
    if row.wish != facts.me or row.wish_by != facts.me:
        return None
    after = row.without_request()
    return Step(action=Action.WITHDRAW, because=because, row=after, kind="withdrawn")
