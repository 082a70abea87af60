"""Define the rules for prolonging a conference, as a conference manager (CM) or its media unit asks (CSS §5.3)."""

from __future__ import annotations

from datetime import datetime, timedelta

from conferences.rules import outgoing
from conferences.rules.create import latest_warning_due
from conferences.rules.decision import Decision, no_change
from conferences.rules.states import Conference, ConferenceState, Unit
from foundation.bus.outgoing import Answer, Outgoing
from wire.conference_manager import ConferenceExtended, EndMoved, ExtendConference, ExtensionRefused
from wire.error_codes import MEANING, Err
from wire.fields import MAX_MINUTES
from wire.media_unit import ConferenceEndMoved, UnitAsksToExtend, UnitExtended, UnitExtensionRefused
from wire.routes import Routes

MAX_MINUTES_AT_ONCE = 1440


def why_not_extended(conference: Conference | None, delay: int) -> Err | None:
    """Return the error code why a conference cannot be prolonged by `delay` minutes; `None` if it can."""
    if conference is None:
        return Err.NO_CONFERENCE
    if conference.state is ConferenceState.CREATING:
        return Err.WRONG_STATE
    if conference.ends_at is None or not 1 <= delay <= MAX_MINUTES_AT_ONCE:
        return Err.DURATION
    if conference.duration + delay > MAX_MINUTES:
        return Err.DURATION
    return None


def granted_minutes(conference: Conference, delay: int, needed_from: datetime | None) -> int:
    """Return how many of the requested `delay` minutes a conference may go on; 0 if none.

    `needed_from`: the time from which a reservation needs the conference's places or number; `None` means never.
    """
    if needed_from is None or conference.ends_at is None:
        return delay
    return max(0, min(delay, (needed_from - conference.ends_at) // timedelta(minutes=1)))


def prolong(conference: Conference, delay: int, now: datetime) -> Conference:
    """Return the conference with an end later by `delay` minutes; warnings of the end are given again."""
    assert conference.ends_at is not None
    end = conference.ends_at + timedelta(minutes=delay)
    seconds_left = (end - now).total_seconds()
    return conference.change(
        ends_at=end,
        duration=conference.duration + delay,
        warned=latest_warning_due(seconds_left),
        give_up_at=None,
    )


def decide_extend(
    conference: Conference | None,
    request: ExtendConference,
    request_key: str,
    now: datetime,
    needed_from: datetime | None = None,
) -> Decision:
    """Decide to prolong a conference for a conference manager (CM), or refuse it.

    All managers and the media unit get the new end. Fewer minutes than asked for are granted if a reservation needs
    the places or the number before: `needed_from` says from when, `None` means never. A request without
    `user_domain` comes from a manager of the whole platform. `request_key`: the key of the request in the inbox.
    """
    code = why_not_extended(conference, request.delay)
    if conference and request.user_domain and request.user_domain != conference.user_domain:
        code = Err.NOT_PERMITTED
    granted = (
        granted_minutes(conference, request.delay, needed_from) if conference and not code else 0
    )
    if conference and not code and not granted:
        code = Err.NO_RESOURCE
    if conference is None or code:
        code = code or Err.NO_CONFERENCE
        nack = ExtensionRefused(
            reqid=request.reqid, e164=request.e164, errcode=code, detail=_refusal_text(code)
        )
        return Decision(f"refused {code}", send=(_answer_cm(request_key, nack),))
    after = prolong(conference, granted, now)
    end = outgoing.wire_time(after.ends_at) or ""
    ack = ConferenceExtended(reqid=request.reqid, e164=conference.e164, endtime=end, delay=granted)
    messages: list[Outgoing] = [
        _answer_cm(request_key, ack),
        outgoing.to_cm(EndMoved(e164=conference.e164, endtime=end)),
    ]
    if conference.unit and conference.state is not ConferenceState.PENDING_RESTORE:
        messages.append(
            outgoing.to_unit(conference.unit, ConferenceEndMoved(e164=conference.e164, endtime=end))
        )
    return Decision(f"prolonged by {granted} minutes", conference, after, tuple(messages))


def _refusal_text(code: Err) -> str:
    """Return the sentence for the NACK with this error code that says why a conference is not prolonged."""
    if code is Err.NO_RESOURCE:
        return "delay: a reservation needs its places or its number from its end on"
    return MEANING[code]


def _answer_cm(request_key: str, message: ConferenceExtended | ExtensionRefused) -> Answer:
    """Return the answer to the conference manager whose request has this key in the inbox (table of requests)."""
    return Answer(request=request_key, message=message, route=Routes.CSS_TO_CM)


def decide_unit_extend(
    conference: Conference | None,
    request: UnitAsksToExtend,
    unit: Unit | None,
    request_key: str,
    now: datetime,
    needed_from: datetime | None = None,
) -> Decision:
    """Decide to prolong a conference for its media unit, or refuse it; the conference managers (CM) get the new end.

    `unit`: the unit that sent the request. `request_key`: the key of the request in the inbox (table of requests).
    `needed_from`: from when a reservation needs the places or the number; `None` means never.
    """
    if conference and not conference.is_on(unit):
        return no_change(f"{unit} does not run it")
    code = why_not_extended(conference, request.delay)
    granted = (
        granted_minutes(conference, request.delay, needed_from) if conference and not code else 0
    )
    if conference and not code and not granted:
        code = Err.NO_RESOURCE
    if conference is None or code:
        code = code or Err.NO_CONFERENCE
        nack = UnitExtensionRefused(
            reqid=request.reqid, e164=request.e164, errcode=code, detail=_refusal_text(code)
        )
        recipient = unit or (conference.unit if conference else None)
        return Decision(f"refused {code}", send=_answer_unit(recipient, request_key, nack))
    after = prolong(conference, granted, now)
    end = outgoing.wire_time(after.ends_at) or ""
    ack = UnitExtended(reqid=request.reqid, e164=conference.e164, endtime=end, delay=granted)
    messages: tuple[Outgoing, ...] = (
        *_answer_unit(conference.unit, request_key, ack),
        outgoing.to_cm(EndMoved(e164=conference.e164, endtime=end)),
    )
    return Decision(
        f"prolonged by {granted} minutes at the unit's wish", conference, after, messages
    )


def _answer_unit(
    unit: Unit | None, request_key: str, message: UnitExtended | UnitExtensionRefused
) -> tuple[Answer, ...]:
    """Return the answer to a media unit's request; () if the unit is unknown (`None`)."""
    return (outgoing.answer_unit(unit, request_key, message),) if unit else ()
