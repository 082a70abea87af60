"""The rules for a conference that runs without its recorder, and gets one when one becomes free (CSS §1.2). Pure.

A conference that is to be recorded runs even if no recorder is free. Its unit tells everybody that it is not recorded.
"""

from __future__ import annotations

from datetime import datetime

from conferences.rules import outgoing
from conferences.rules.states import RECORDER_AGAIN_IN, Conference, ConferenceState, Unit
from conferences.rules.step import Step, no_change
from foundation.bus.typed_json import to_json
from wire.conference_control import Control
from wire.resource_pool import ResourcesGranted, ResourcesRefused


def lacks_recorder(c: Conference) -> bool:
    """Return whether a conference runs without the recorder that it is to have."""
    return c.state is ConferenceState.RUNNING and c.record and c.vrs is None


def decide_ask_for_recorder(c: Conference, now: datetime) -> Step:
    """Ask the resource manager (RMS) for a recorder; if none is granted, the timer asks again after RECORDER_AGAIN_IN."""
    if not lacks_recorder(c):
        return no_change("has its recorder, or wants none")
    after = c.change(question=c.question + 1, record_at=now + RECORDER_AGAIN_IN)
    question = outgoing.ask_rms(after, "record")
    return Step("asking the RMS for a recorder", c, after, (question,))


def decide_recorder_granted(
    c: Conference, reply: ResourcesGranted | ResourcesRefused, question: int, site: str
) -> Step:
    """Let the media unit record from now on, if the resource manager (RMS) has granted a recorder.

    `question`: the number of the question that the reply answers. `site`: the site of the recorder.
    """
    if not lacks_recorder(c) or c.question != question or c.unit is None:
        return no_change("late answer of the RMS; its reservation lapses")
    recorder = Unit.of(reply.vrs, site) if isinstance(reply, ResourcesGranted) else None
    if recorder is None:
        return no_change("no recorder is free")
    after = c.change(vrs=recorder, record_at=None)
    body = {"type": "CM_MCU_STARTRECORD_CMD", "confE164": c.e164}
    command = Control({**body, "vrs": to_json(recorder.as_message_field)})
    messages = (outgoing.to_unit(c.unit, command), outgoing.resource_usage(after, "used"))
    return Step(f"recorded by {recorder}", c, after, messages)
