"""Define the rules of voicemail: after which calls one may be left, and how long it may be. Pure functions."""

from __future__ import annotations

from enum import StrEnum

from social.rules.calls import VOICEMAIL_AFTER, Call

SHORTEST_SECONDS = 3
"""A shorter recording counts as a hesitation, not as a message, and is refused."""


class VoicemailRefusal(StrEnum):
    """The reason why a recording is not accepted as a voicemail or greeting."""

    NOT_OFFERED = "not_offered"
    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    NO_SOUND = "no_sound"


def refuse_voicemail(
    call: Call, person: str, duration_ms: int | None, longest_seconds: int
) -> VoicemailRefusal | None:
    """Return why a person may not leave this recording after a call; `None` means that the person may.

    `duration_ms` is `None` for a file that is no recording.
    """
    is_offered = call.reason in VOICEMAIL_AFTER and call.answered_at is None
    if not is_offered or call.caller.id != person:
        return VoicemailRefusal.NOT_OFFERED
    return refuse_recording(duration_ms, longest_seconds)


def refuse_recording(duration_ms: int | None, longest_seconds: int) -> VoicemailRefusal | None:
    """Return why a recording cannot be a voicemail or greeting; `None` if it can. One second too long is allowed."""
    if duration_ms is None:
        return VoicemailRefusal.NO_SOUND
    if duration_ms < SHORTEST_SECONDS * 1000:
        return VoicemailRefusal.TOO_SHORT
    return VoicemailRefusal.TOO_LONG if duration_ms > (longest_seconds + 1) * 1000 else None
