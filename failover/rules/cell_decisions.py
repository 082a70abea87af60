"""What a cell's agent does next. Pure: facts in, one step out.

The rule that all others serve: a commit is acknowledged only with the other copy's
acknowledgement, or under an epoch in which the register says that the owner is solo. Taking over
is ceasing to acknowledge. So the register may be away, clocks may differ and an owner may be
frozen: each of them costs time, none of them a write.

Semi-synchronous waiting is switched off under one condition alone: this life of the agent has
itself seen the register take a new epoch, and has said nothing since that could undo it. A
compare-and-set whose answer was lost may still be done much later; the new epoch makes it void.
"""

from __future__ import annotations

from dataclasses import replace

from failover.rules.cell_facts import Do, Facts, Limits, Mode, Row, Step


def decide(facts: Facts, limits: Limits, now: float) -> Step:
    """The next step of this site's agent for one cell."""
    if facts.row is not None and _is_fenced(facts.me, facts.row):
        return _fenced(facts, facts.row)
    if facts.own.alive and not facts.own.answers:
        return _mute(facts, limits, now)
    if facts.row is None:
        return _in_the_dark(facts)
    if facts.own.alive and facts.own.misfit:
        return _misfit(facts)
    if facts.row.owner == facts.me:
        return _owner(facts, facts.row, limits, now)
    return _copy(facts, facts.row, limits, now)


def _nothing(because: str) -> Step:
    return Step(do=Do.NOTHING, because=because)


def _mute(facts: Facts, limits: Limits, now: float) -> Step:
    """The own database runs and does not answer: it starts, or is frozen."""
    elsewhere = facts.row is not None and facts.row.owner != facts.me
    if elsewhere and not facts.own.read_only:
        return Step(do=Do.FENCE, because=_elsewhere(facts) + "; mine is open and does not answer")
    silent = now - facts.answered_at > limits.hung
    if silent and now - facts.started_at > limits.start:
        return Step(do=Do.RESTART, because="my database does not answer any more: kill it")
    return _nothing("my database does not answer yet")


def _is_fenced(me: str, row: Row) -> bool:
    return row.wish_fence and row.owner == me and row.wish == row.other(me)


def _fenced(facts: Facts, row: Row) -> Step:
    """An operator does not trust this site any more, and waits for no hand-over."""
    if facts.own.alive:
        return Step(do=Do.FENCE, because=f"{row.wish_by} fences me: kill my database")
    return _nothing(f"fenced by {row.wish_by}: mine stays down until {row.wish} serves")


def _misfit(facts: Facts) -> Step:
    """A database whose settings would lose data serves nobody."""
    owns = facts.row is not None and facts.row.owner == facts.me
    if not owns and not facts.own.read_only:
        return Step(do=Do.FENCE, because=_elsewhere(facts))
    return _nothing(f"refused: {facts.own.misfit}")


def _elsewhere(facts: Facts) -> str:
    row = facts.row or facts.last
    return f"{row.owner} owns it, epoch {row.epoch}" if row else "nobody is known to own it"


# ---- the register is unreachable -----------------------------------------------------------------


def _in_the_dark(facts: Facts) -> Step:
    """What may be done without the register: nothing that could make a second owner."""
    own, last = facts.own, facts.last
    away = "the register is unreachable"
    if not own.alive:
        if last is not None and last.owner != facts.me:
            return _start_copy(facts, last)
        return _nothing(f"{away}: I can not prove that I still own it, my database stays down")
    if own.follows:
        return _nothing(f"{away}: I go on copying, nobody takes over")
    mine = last is not None and last.owner == facts.me
    if mine and last and own.read_only and own.semi and not own.misfit:
        with_the_copy = replace(last, solo=False)
        return Step(
            do=Do.OPEN, because=f"{away}; the copy's acknowledgement will do", row=with_the_copy
        )
    if own.read_only:
        return _nothing(f"{away}: my database stays closed")
    if own.semi:
        return _nothing(f"{away}: I serve as long as the copy acknowledges")
    return _nothing(f"{away}: I serve alone, as it said last")


# ---- this site owns the cell ---------------------------------------------------------------------


def _owner(facts: Facts, row: Row, limits: Limits, now: float) -> Step:
    """The register says that this site owns it."""
    own = facts.own
    if not own.alive:
        return Step(
            do=Do.START_AS_OWNER, because=f"my database died, epoch {row.epoch} is mine: restart"
        )
    if own.follows:
        return _promote(facts, row)
    if row.solo:
        return _solo(facts, row, limits, now)
    return _protected(facts, row, limits, now)


def _promote(facts: Facts, row: Row) -> Step:
    """The register is ahead of the database: what was received is applied, then it is open."""
    if not facts.own.complete and not row.forced:
        return Step(
            do=Do.CLAIM,
            because="my copy restarted before it served: give back, the last writes are there",
            row=replace(row, epoch=row.epoch + 1, owner=row.other(facts.me), solo=False),
            kind="given back",
        )
    if row.solo and facts.alone != row.epoch:
        return _alone_anew(row, "mine, alone; nothing older may undo it")
    return Step(
        do=Do.PROMOTE, because=f"epoch {row.epoch} is mine: apply what came, then serve", row=row
    )


def _alone_anew(row: Row, because: str) -> Step:
    """A new epoch, so that a compare-and-set on its way can no longer say "protected"."""
    after = replace(row, epoch=row.epoch + 1, solo=True)
    return Step(do=Do.CLAIM, because=because, row=after, kind="solo")


def _back(facts: Facts, limits: Limits, now: float) -> bool:
    """The copy is there again, and near enough for its acknowledgement to come at once."""
    heard = now - facts.heard_at <= limits.solo and now - facts.acked_at <= limits.solo
    return facts.own.attached and facts.caught_up and heard


def _solo(facts: Facts, row: Row, limits: Limits, now: float) -> Step:
    """The owner commits alone, until the copy is back."""
    own = facts.own
    if not own.read_only and _back(facts, limits, now):
        return Step(
            do=Do.PROTECT,
            because="the copy is attached again: wait for its acknowledgement from now on",
            row=replace(row, solo=False, forced=False),
            kind="protected",
        )
    if (own.semi or own.read_only) and facts.alone != row.epoch:
        return _alone_anew(row, "no copy is attached: I serve alone")
    if own.semi:
        return Step(do=Do.GO_ALONE, because="the register says solo: wait for nobody", row=row)
    if own.read_only:
        return Step(do=Do.OPEN, because=f"serve alone, epoch {row.epoch}", row=row)
    return _declare(facts, row) or _nothing("solo: I serve alone, no copy is attached")


def _protected(facts: Facts, row: Row, limits: Limits, now: float) -> Step:
    """The owner commits with the copy's acknowledgement only."""
    own = facts.own
    if now - facts.acked_at > limits.solo:
        after = replace(row, epoch=row.epoch + 1, solo=True)
        return Step(
            do=Do.CLAIM, because="the copy does not acknowledge: solo", row=after, kind="solo"
        )
    if own.read_only or not own.semi:
        return Step(
            do=Do.OPEN, because=f"serve, epoch {row.epoch}, once the copy acknowledges", row=row
        )
    declared = _declare(facts, row)
    return declared or _hand_over(facts, row, limits, now) or _nothing("protected")


def _declare(facts: Facts, row: Row) -> Step | None:
    """What transactions read must be what the register says."""
    if facts.own.declared in (None, (row.owner, row.epoch)):
        return None
    return Step(do=Do.DECLARE, because=f"tell transactions of epoch {row.epoch}", row=row)


def _hand_over(facts: Facts, row: Row, limits: Limits, now: float) -> Step | None:
    """Somebody else shall own it: an operator's wish, the mode, or home is well again."""
    to, why = _wanted(facts, row, limits, now)
    if not to or to == facts.me:
        return None
    if now - facts.heard_at > limits.solo:
        return _nothing(f"hand-over waits: the database of {to} does not answer ({why})")
    if not facts.caught_up:
        return _nothing(f"hand-over waits: the copy at {to} lags ({why})")
    if not facts.other_well and not row.wish_force:
        return _nothing(f"hand-over waits: {to} does not say that it could serve ({why})")
    after = replace(_granted(row), epoch=row.epoch + 1, owner=to, forced=False)
    return Step(do=Do.HAND_OVER, because=f"hand over to {to}: {why}", row=after, kind="handover")


def _granted(row: Row) -> Row:
    """Nothing is asked for any more."""
    return replace(row, wish="", wish_by="", wish_force=False, wish_fence=False)


def _wanted(facts: Facts, row: Row, limits: Limits, now: float) -> tuple[str, str]:
    if row.wish:
        return row.wish, f"asked for by {row.wish_by or 'an operator'}"
    if row.mode is Mode.MANUAL:
        return row.backup, "mode manual"
    if row.mode is Mode.AUTO and facts.well_since is not None:
        for_long = now - facts.well_since > limits.well
        return (row.home, "home is well again") if for_long else ("", "")
    return "", ""


# ---- this site holds the copy --------------------------------------------------------------------


def _copy(facts: Facts, row: Row, limits: Limits, now: float) -> Step:
    """The register says that the other site owns it."""
    own = facts.own
    if not own.alive:
        return _start_copy(facts, row)
    if own.semi or not own.read_only:
        return Step(do=Do.FENCE, because=_elsewhere(facts) + "; mine is open: kill it")
    if facts.diverged_at is not None and now - facts.diverged_at > limits.diverged:
        return _diverged(row)
    takeover = _takeover(facts, row, limits, now)
    if takeover.do is Do.NOTHING and _must_follow(facts, limits, now):
        return Step(do=Do.FOLLOW, because=f"follow {row.owner}" + _in_words(own.trouble))
    return takeover


def _must_follow(facts: Facts, limits: Limits, now: float) -> bool:
    """It does not copy though it could; a connection that was lost is asked for again at once."""
    own = facts.own
    if now - facts.followed_at < limits.follow:
        return False
    if not own.follows or not own.applying:
        return True
    return not own.receiving and now - facts.heard_at < limits.follow


def _in_words(trouble: str) -> str:
    return f": {trouble}" if trouble else ""


def _start_copy(facts: Facts, row: Row) -> Step:
    """Start it without what it alone may hold, once the owner serves: it has all that counts.

    Until then my last writes may be the only ones. What never served holds nothing of its own.
    """
    if not facts.served:
        because = f"my copy is down, {row.owner} owns it: start it"
        return Step(do=Do.START_AS_COPY, because=because, keep=True)
    if not facts.peer_open:
        return _nothing(f"{row.owner} owns it and does not serve yet: mine stays down until then")
    because = f"{row.owner} serves: mine starts as its copy"
    return Step(do=Do.START_AS_COPY, because=because, keep=row.forced)


def _diverged(row: Row) -> Step:
    """It holds transactions that the owner does not: nobody's, or somebody's."""
    if row.forced:
        return _nothing(
            f"the takeover by {row.owner} was forced: my last writes may be missing there;"
            " an operator lists and replays them before this copy is made anew"
        )
    return Step(
        do=Do.REBUILD,
        because="I hold writes that were acknowledged to nobody: put them aside, copy anew",
    )


def _takeover(facts: Facts, row: Row, limits: Limits, now: float) -> Step:
    """Whether to become owner; if not, why not."""
    silent = now - facts.heard_at > limits.takeover
    asked = row.wish == facts.me and row.wish_by != facts.me
    manual = row.mode is Mode.MANUAL and row.backup == facts.me and not row.wish
    wished = asked or manual
    if asked and row.wish_force and (silent or row.solo):
        return _claim(facts, row, "an operator forces it")
    still = facts.pulse_at is not None and now - facts.pulse_at > limits.pulse
    if not silent and not still:
        return _withdraw(facts, row) or _nothing(f"I copy; {row.owner} owns it")
    what = "is silent" if silent else "has a database and no software"
    refusal = _refusal(facts, row, limits, wished)
    if refusal:
        return _nothing(f"{row.owner} {what}; {refusal}")
    if not silent and (facts.asked_at is None or now - facts.asked_at <= limits.ask):
        return _ask(facts, row)
    return _claim(facts, row, f"{row.owner} {what}: take over", automatic=not wished)


def _refusal(facts: Facts, row: Row, limits: Limits, wished: bool) -> str:
    """Why this copy must not take over now; empty: it may."""
    if row.solo:
        return "it was solo, my copy may lack its last writes: an operator must decide"
    if row.mode is Mode.OFF and not wished:
        return "nobody takes over, mode off"
    if row.mode is Mode.MANUAL and not wished:
        return "nobody takes over by itself, mode manual"
    if not wished and facts.takeovers >= limits.takeovers:
        return f"{facts.takeovers} automatic takeovers within an hour: an operator must decide"
    if not facts.own.follows:
        return "my database does not copy it: an operator must decide"
    if not facts.own.complete:
        return "my copy restarted and has not been complete since: an operator must decide"
    if not facts.own.applying:
        return f"my copy does not apply what it receives{_in_words(facts.own.trouble)}"
    return ""


def _claim(facts: Facts, row: Row, because: str, *, automatic: bool = False) -> Step:
    after = replace(
        _granted(row),
        epoch=row.epoch + 1,
        owner=facts.me,
        solo=True,
        forced=row.solo or row.forced or not facts.own.complete,
    )
    return Step(do=Do.CLAIM, because=because, row=after, kind="takeover", automatic=automatic)


def _ask(facts: Facts, row: Row) -> Step:
    """Its database answers: let its agent do it in order."""
    if row.wish:
        return _nothing(f"{row.owner} is asked to hand over")
    asking = replace(row, wish=facts.me, wish_by=facts.me)
    because = f"the software of {row.owner} is dead: ask its agent to hand over"
    return Step(do=Do.ASK, because=because, row=asking, kind="asked")


def _withdraw(facts: Facts, row: Row) -> Step | None:
    if row.wish != facts.me or row.wish_by != facts.me:
        return None
    after = _granted(row)
    because = f"the software of {row.owner} is back: the wish is withdrawn"
    return Step(do=Do.WITHDRAW, because=because, row=after, kind="withdrawn")
