"""The rules for a conference that runs without its recorder, and gets one when one becomes free (CSS §1.2). Pure.

A conference that is to be recorded runs even if no recorder is free. Its unit tells everybody that it is not recorded.
"""

from __future__ import annotations

from datetime import datetime

from conferences.rules import outgoing
from conferences.rules.decision import Decision, no_change
from conferences.rules.states import RECORDER_AGAIN_IN, Conference, ConferenceState, Unit
from foundation.bus.typed_json import to_json
from wire.conference_control import Control
from wire.resource_pool import ResourcesGranted, ResourcesRefused


def lacks_recorder(conference: Conference) -> bool:
    """Return whether a conference runs without the recorder that it is to have."""
    return (
        conference.state is ConferenceState.RUNNING and conference.record and conference.vrs is None
    )


def decide_ask_for_recorder(conference: Conference, now: datetime) -> Decision:
    """Decide to ask the resource manager (RMS) for a recorder; without one the timer asks again after a minute."""
    if not lacks_recorder(conference):
        return no_change("has its recorder, or wants none")
    after = conference.change(question=conference.question + 1, record_at=now + RECORDER_AGAIN_IN)
    question = outgoing.ask_rms(after, "record")
    return Decision("asking the RMS for a recorder", conference, after, (question,))


def decide_recorder_granted(
    conference: Conference, reply: ResourcesGranted | ResourcesRefused, question: int, site: str
) -> Decision:
    """Decide what the answer of the resource manager (RMS) to a question for a recorder changes.

    If it grants one, the media unit records from now on, and no recorder is asked for again (`record_at`); else
    nothing changes. `question`: the number of the question that the reply answers. `site`: the site of the recorder.
    """
    if not lacks_recorder(conference) or conference.question != question or conference.unit is None:
        return no_change("late answer of the RMS; its reservation lapses")
    recorder = Unit.of(reply.vrs, site) if isinstance(reply, ResourcesGranted) else None
    if recorder is None:
        return no_change("no recorder is free")
    after = conference.change(vrs=recorder, record_at=None)
    body = {"type": "CM_MCU_STARTRECORD_CMD", "confE164": conference.e164}
    command = Control({**body, "vrs": to_json(recorder.as_message_field)})
    messages = (outgoing.to_unit(conference.unit, command), outgoing.resource_usage(after, "used"))
    return Decision(f"recorded by {recorder}", conference, after, messages)
