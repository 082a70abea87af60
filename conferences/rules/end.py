"""Define the rules for ending a conference: by request, by time, by its media unit, or when empty (CSS §9.3)."""

from __future__ import annotations

from datetime import datetime

from conferences.rules import outgoing
from conferences.rules.decision import Decision, no_change
from conferences.rules.rename import refuse_open_rename
from conferences.rules.states import Conference, ConferenceState, EndReason, Unit
from foundation.bus.outgoing import Answer, Outgoing
from wire.conference_manager import ConferenceReleased, ReleaseConference, ReleaseRefused
from wire.error_codes import MEANING, Err
from wire.media_unit import UnitEnded
from wire.routes import Routes


def decide_release(
    conference: Conference | None,
    request: ReleaseConference,
    request_key: str,
    now: datetime,
    *,
    by_other_site: bool = False,
) -> Decision:
    """Decide to end a conference as a conference manager (CM) requests it, or refuse the request.

    `request_key`: the key of the request in the inbox. `by_other_site`: the site on whose media unit the conference
    runs requests it, because the time is over (CSS §9.3). That site knows the end from a copy of our data only, so a
    conference that was prolonged meanwhile goes on.
    """

    def refused(code: Err) -> Decision:
        """Return the decision to answer the request with a NACK of this error code."""
        nack = ReleaseRefused(
            reqid=request.reqid, e164=request.e164, errcode=code, detail=MEANING[code]
        )
        return Decision(f"refused {code}", send=(_answer(request_key, nack),))

    if conference is None:
        return refused(Err.NO_CONFERENCE)
    if request.user_domain and request.user_domain != conference.user_domain:
        return refused(Err.NOT_PERMITTED)
    if by_other_site and (conference.ends_at is None or conference.ends_at > now):
        return refused(Err.WRONG_STATE)
    reason = EndReason.EXPIRED if request.reason == "expired" else EndReason.RELEASED
    decision = decide_end(conference, reason, now)
    ack = _answer(request_key, ConferenceReleased(reqid=request.reqid, e164=conference.e164))
    return Decision(decision.reason, conference, decision.after, (ack, *decision.send))


def _answer(request_key: str, message: ConferenceReleased | ReleaseRefused) -> Answer:
    """Return the answer to the conference manager whose request has this key in the inbox (table of requests)."""
    return Answer(request=request_key, message=message, route=Routes.CSS_TO_CM)


def decide_unit_ended(
    conference: Conference, notice: UnitEnded, unit: Unit | None, now: datetime
) -> Decision:
    """Decide to end a conference because its media unit has ended it.

    Ignored is a message about an earlier assignment of the conference to a unit (a lower `incarnation`), and one that
    comes while the conference does not run: the unit's next list of conferences tells whether it is there.
    """
    if (
        notice.incarnation != conference.incarnation
        or not conference.is_on(unit)
        or conference.unit is None
    ):
        return no_change("a ghost of it has ended")
    if conference.state is not ConferenceState.RUNNING:
        return no_change(f"ended on the unit while {conference.state}; the list will tell")
    reasons = {reason.value: reason for reason in EndReason}
    return decide_end(conference, reasons.get(notice.reason, EndReason.RELEASED), now)


def decide_end(
    conference: Conference, reason: EndReason, now: datetime, code: str = ""
) -> Decision:
    """Decide to end a conference now: its media unit drops it, and its places, number and licence seat become free.

    `code`: the error code, if the conference ends because its create failed.
    """
    after = conference.end(reason, now, code)
    messages: list[Outgoing] = []
    if conference.state is ConferenceState.CREATING:
        messages += outgoing.refused_answers(conference, Err.WRONG_STATE, "ended before it ran")
    if conference.unit and conference.state is not ConferenceState.PENDING_RESTORE:
        messages += [
            outgoing.drop_command(conference.unit, conference.e164, conference.incarnation),
            outgoing.resource_usage(conference, "free"),
        ]
    messages += refuse_open_rename(conference, Err.NO_CONFERENCE)
    messages.append(outgoing.ended_notice(after))
    if conference.state is ConferenceState.RUNNING:
        messages += outgoing.number_free(conference)
    if conference.started_at:
        messages.append(outgoing.call_recorded(after))
    return Decision(f"ended: {reason}", conference, after, tuple(messages))
