"""End: these rules end a conference by request, by time, by the unit, or when it stays empty (CSS §9.3)."""

from __future__ import annotations

from datetime import datetime

from conferences.rules import outgoing
from conferences.rules.rename import refuse_open_rename
from conferences.rules.states import Conference, ConferenceState, EndReason, Unit
from conferences.rules.step import Step, nothing
from foundation.bus.outgoing import Answer, Outgoing
from wire.conference_manager import ConferenceReleased, ReleaseConference, ReleaseRefused
from wire.error_codes import MEANING, Err
from wire.media_unit import UnitEnded
from wire.routes import Routes


def decide_release(
    c: Conference | None,
    request: ReleaseConference,
    asked_by: str,
    now: datetime,
    *,
    by_peer: bool = False,
) -> Step:
    """End a conference because CM asks, or the site where it runs.

    That site (`by_peer`) says that its time is over (CSS §9.3); it knows this from a copy, so a conference
    that was prolonged meanwhile goes on.
    """

    def refused(code: Err) -> Step:
        """Answer the request with a NACK."""
        nack = ReleaseRefused(
            reqid=request.reqid, e164=request.e164, errcode=code, detail=MEANING[code]
        )
        return Step(f"refused {code}", send=(_answer(asked_by, nack),))

    if c is None:
        return refused(Err.NO_CONFERENCE)
    if request.user_domain and request.user_domain != c.user_domain:
        return refused(Err.NOT_PERMITTED)
    if by_peer and (c.ends_at is None or c.ends_at > now):
        return refused(Err.WRONG_STATE)
    reason = EndReason.EXPIRED if request.reason == "expired" else EndReason.RELEASED
    step = decide_end(c, reason, now)
    ack = _answer(asked_by, ConferenceReleased(reqid=request.reqid, e164=c.e164))
    return Step(step.because, c, step.after, (ack, *step.send))


def _answer(request: str, message: ConferenceReleased | ReleaseRefused) -> Answer:
    return Answer(request=request, message=message, route=Routes.CSS_TO_CM)


def decide_unit_ended(c: Conference, notice: UnitEnded, unit: Unit | None, now: datetime) -> Step:
    """End a conference that its unit has ended; only the incarnation that we believe in counts."""
    if notice.incarnation != c.incarnation or not c.on(unit) or c.unit is None:
        return nothing("a ghost of it has ended")
    if c.state is not ConferenceState.RUNNING:
        return nothing(f"ended on the unit while {c.state}; the list will tell")
    reasons = {r.value: r for r in EndReason}
    return decide_end(c, reasons.get(notice.reason, EndReason.RELEASED), now)


def decide_end(c: Conference, reason: EndReason, now: datetime, code: str = "") -> Step:
    """End a conference: its unit drops it, and its places, its number and its seat are free at once."""
    after = c.end(reason, now, code)
    messages: list[Outgoing] = []
    if c.state is ConferenceState.CREATING:
        messages.append(
            outgoing.create_refused(c.request, c.reqid, Err.WRONG_STATE, "ended before it ran")
        )
    if c.unit and c.state is not ConferenceState.PENDING_RESTORE:
        messages += [outgoing.drop(c.unit, c.e164, c.incarnation), outgoing.reservation(c, "free")]
    messages += refuse_open_rename(c, Err.NO_CONFERENCE)
    messages.append(outgoing.ended(after))
    if c.state is ConferenceState.RUNNING:
        messages += outgoing.number_free(c)
    if c.started_at:
        messages.append(outgoing.recorded(after))
    return Step(f"ended: {reason}", c, after, tuple(messages))
