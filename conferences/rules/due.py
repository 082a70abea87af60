"""The rules for conferences whose time has come, as `states.next_due` says: end, warning, overdue answers. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from conferences.rules import outgoing
from conferences.rules.create import (
    RMS_ANSWERS_IN,
    decide_next_unit,
    give_up_create,
    latest_warning_due,
)
from conferences.rules.decision import Decision, no_change
from conferences.rules.end import decide_end
from conferences.rules.monitors import decide_monitors_due, due_monitors
from conferences.rules.recorder import decide_ask_for_recorder
from conferences.rules.rename import decide_cm_is_silent
from conferences.rules.restore import decide_restore, decide_restore_failed
from conferences.rules.states import EMPTY_FOR, Conference, ConferenceState, EndReason
from foundation.bus.outgoing import Send
from wire.conference_manager import EndIsNear, ReleaseConference
from wire.error_codes import Err
from wire.media_unit import ConferenceEndIsNear
from wire.routes import Routes

_State = ConferenceState


OVERDUE = timedelta(seconds=60)
"""The serving site waits so long for the media unit's site to ask for the end; then it ends the conference."""


LATEST_WARNING = 30.0
"""A warning of the end that is late by more seconds is not given any more, for conferences of other sites."""


def decide_due(conference: Conference, now: datetime, *, at_other_site: bool = False) -> Decision:
    """Decide what is due for a conference now: its end, a warning, a search for a media unit, or nothing.

    If an answer of the resource manager, the media unit or the conference manager is overdue, the conference goes on
    without it. `at_other_site`: its media unit stands at another site, which watches the end and warns of it (CSS
    §9.3).
    """
    # `give_up_at` is set once the end was left to that site: from then on it is the time to end it here.
    is_watched_there = at_other_site and conference.state is _State.RUNNING
    end = (
        conference.give_up_at if is_watched_there and conference.give_up_at else conference.ends_at
    )
    if end and end <= now and conference.state not in (_State.CREATING, _State.ENDED):
        # The site of its unit asks for the end in time; this site ends it by itself only if that request is lost.
        if is_watched_there and not conference.give_up_at:
            return Decision(
                "its site ends it", conference, conference.change(give_up_at=end + OVERDUE)
            )
        return decide_end(conference, EndReason.EXPIRED, now)
    if due_monitors(conference, now):
        return decide_monitors_due(conference, now)
    if conference.answer_by and conference.answer_by <= now:
        return _go_on_without_answer(conference, now)
    if (
        conference.state is _State.PENDING_RESTORE
        and conference.restore_at
        and conference.restore_at <= now
    ):
        return decide_restore(conference, now)
    if conference.rename and conference.rename.answer_by <= now:
        return decide_cm_is_silent(conference, now)
    if (
        conference.auto_end
        and conference.empty_from
        and conference.empty_from + EMPTY_FOR <= now
        and conference.state is _State.RUNNING
    ):
        return decide_end(conference, EndReason.AUTO_END, now)
    if conference.record_at and conference.record_at <= now and conference.state is _State.RUNNING:
        return decide_ask_for_recorder(conference, now)
    return _warn_of_end(conference, now, by_other_site=is_watched_there)


def _go_on_without_answer(conference: Conference, now: datetime) -> Decision:
    """Decide what follows because the resource manager (RMS) or the media unit did not answer in time.

    A new conference tries the next unit, asks again or is given up; one that is to be restored asks again.
    """
    match conference.state:
        case _State.CREATING if conference.unit:
            return decide_next_unit(conference, Err.UNIT_SILENT, now)
        # An HTTP client was told already that its request is accepted.
        case _State.CREATING if (
            conference.origin == "http" and conference.give_up_at and now < conference.give_up_at
        ):
            return _ask_rms_again(conference, now)
        case _State.CREATING:
            return give_up_create(
                conference, conference.last_code or Err.RMS_SILENT, now, conference.last_detail
            )
        case _State.PENDING_RESTORE:
            return decide_restore(conference, now)
        case _State.RESTORING:
            return decide_restore_failed(conference, Err.UNIT_SILENT, now)
        case _:
            return no_change("nobody was asked")


def _ask_rms_again(conference: Conference, now: datetime) -> Decision:
    """Decide to ask the resource manager (RMS) once more for a unit for a new conference that was requested by HTTP.

    The HTTP client was told that its request is accepted, so one lost message must not end the conference.
    """
    after = conference.ask(now + RMS_ANSWERS_IN)
    return Decision(
        "the RMS did not answer, asking again",
        conference,
        after,
        (outgoing.ask_rms(after, "create"),),
    )


def _warn_of_end(conference: Conference, now: datetime, *, by_other_site: bool) -> Decision:
    """Decide to warn conference managers and media unit 10, 5 and 1 minutes before the end (CSS §9.3).

    `by_other_site`: the site where the conference runs sends the warnings, so here they are only marked as given.
    """
    if conference.ends_at is None or conference.state is not _State.RUNNING:
        return no_change("nothing is due")
    minutes_before = latest_warning_due((conference.ends_at - now).total_seconds())
    # `warned` has the minutes of the last warning; a later warning has fewer.
    if not minutes_before or (conference.warned and minutes_before >= conference.warned):
        return no_change("nothing is due")
    after = conference.change(warned=minutes_before)
    if by_other_site:
        return Decision("its site warns of its end", conference, after)
    return Decision("its end is near", conference, after, warnings(conference, now))


def warnings(conference: Conference, now: datetime, site_of_managers: str = "") -> tuple[Send, ...]:
    """Return the messages that warn of the near end of a conference.

    `site_of_managers`: the site whose conference managers (CM) are warned; "" means this site.
    """
    assert conference.ends_at is not None
    minutes = max(1, round((conference.ends_at - now) / timedelta(minutes=1)))
    to_cm = outgoing.to_cm(EndIsNear(e164=conference.e164, minutes=minutes), site_of_managers)
    if conference.unit is None:
        return (to_cm,)
    return to_cm, outgoing.to_unit(
        conference.unit, ConferenceEndIsNear(e164=conference.e164, minutes=minutes)
    )


def decide_end_at_other_site(conference: Conference, now: datetime, serving_site: str) -> Decision:
    """Decide to watch the end of a conference that runs on a media unit here, while `serving_site` decides about it.

    The conference managers of that site are warned; when the time is over, it is asked to end the conference. Nothing
    is sent for a conference without an end, or that does not run.
    """
    if conference.state is not _State.RUNNING or conference.ends_at is None:
        return no_change("nothing to watch")
    if conference.ends_at > now:
        seconds_left = (conference.ends_at - now).total_seconds()
        minutes_before = latest_warning_due(seconds_left)
        # `conference.warned` is written by the serving site, and may be copied to this site before it has
        # warned. So the age of the warning decides.
        is_recent = minutes_before and minutes_before * 60 - seconds_left <= LATEST_WARNING
        return Decision(
            f"warning {minutes_before}",
            send=warnings(conference, now, serving_site) if is_recent else (),
        )
    message = ReleaseConference(
        reqid=f"expired:{conference.confid}:{now:%H%M%S}",
        e164=conference.e164,
        reason=EndReason.EXPIRED,
    )
    request = Send(message=message, route=Routes.CM_TO_CSS, destination=serving_site)
    return Decision(f"asking {serving_site} to end it", send=(request,))
