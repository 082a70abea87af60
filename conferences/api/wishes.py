"""What a program wishes of a new conference and our media units do not do: it is refused, or named in the answer.

Refused is what somebody would rely on without it being so. All else is named, so that nothing is dropped without
a word (HTTP API, order of building).
"""

from __future__ import annotations

from collections.abc import Mapping

from conferences.api.request_parsing import items, number
from foundation.web.errors import Refusal

_REFUSED = {
    "encrypted_type": (20114, "our media units do not encrypt beyond the way to each participant"),
    "encrypted_auth": (20114, "terminals are not authenticated by certificates"),
    "closed_conf": (20005, "a closed conference is not possible; protect it by a password"),
    "safe_conf": (20005, "a hidden conference is not possible; protect it by a password"),
}
"""The switches that must be 0, each with code and reason of the refusal."""

_CHOSEN_LAYOUT = 1
_NO_COMPOSITION = (
    20331,
    "pictures are not composed by the unit; only mode 2, automatic, is possible",
)

_DONE = {
    "call_mode": (0,),
    "call_times": (0,),
    "fec_mode": (0,),
    "mute_filter": (0,),
    "video_quality": (0,),
    "dual_mode": (1,),
    "doubleflow": (0,),
    "voice_activity_detection": (0,),
    "cascade_mode": (0,),
    "cascade_upload": (0,),
    "cascade_return": (0,),
    "public_conf": (0,),
    "one_reforming": (0,),
}
"""The values of numbers that need nothing to be done."""

_OBJECTS = ("vmp", "poll", "vips", "keep_calling_members", "audio_formats")
_MOST_RESOLUTION, _MOST_FRAMES = 13, 30
_RECORDER = ("publish_mode", "dual_stream", "anonymous")


def refuse_unsafe(params: Mapping[str, object]) -> None:
    """Refuse a conference that would be less than it is believed to be. Raises Refusal."""
    for name, (code, why) in _REFUSED.items():
        if number(params.get(name), name, 0):
            raise Refusal(code, f"{name}: {why}")
    layout = params.get("vmp")
    if isinstance(layout, dict) and number(layout.get("mode"), "vmp.mode", 2) == _CHOSEN_LAYOUT:
        code, why = _NO_COMPOSITION
        raise Refusal(code, f"vmp: {why}")


def not_done(params: Mapping[str, object]) -> list[str]:
    """Return the names of the arguments that have no effect, although they ask for one."""
    names = [
        name for name, done in _DONE.items() if number(params.get(name), name, done[0]) not in done
    ]
    names += [name for name in _OBJECTS if params.get(name)]
    if params.get("encrypted_key"):
        names.append("encrypted_key")
    names += _not_done_inside(params)
    return names


def _not_done_inside(params: Mapping[str, object]) -> list[str]:
    names = []
    for name, default in (("mix", 1), ("dcs", 0)):
        inner = params.get(name)
        if (
            isinstance(inner, dict)
            and number(inner.get("mode"), f"{name}.mode", default) != default
        ):
            names.append(name)
    formats = items(params.get("video_formats"), "video_formats", 16)[:1]
    for name, most in (("resolution", _MOST_RESOLUTION), ("frame", _MOST_FRAMES)):
        if any(number(f.get(name), name, 0) > most for f in formats):
            names.append(f"video_formats.{name}")
    recorder = params.get("recorder")
    if isinstance(recorder, dict):
        names += [f"recorder.{n}" for n in _RECORDER if number(recorder.get(n), n, 0)]
    return names
