"""The functions find arguments of a new conference that our media units cannot fulfil.

An argument on which people rely for their safety, such as encryption, is refused. The answer names all others, so that
none is ignored silently (HTTP API, order of building).
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
"""Argument that must be 0 -> error code and reason of its refusal."""

_CHOSEN_LAYOUT = 1
_NO_COMPOSITION = (
    20331,
    "pictures are not composed by the unit; only mode 2, automatic, is possible",
)

_SUPPORTED_VALUES = {
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
"""Argument -> the values that we support; any other value asks for a function that our media units do not have."""

_UNSUPPORTED_ARGUMENTS = ("vmp", "poll", "vips", "keep_calling_members", "audio_formats")
_MAX_RESOLUTION, _MAX_FRAMES = 13, 30
_UNSUPPORTED_RECORDER_FIELDS = ("publish_mode", "dual_stream", "anonymous")


_EFFECTIVE_AT_ONCE = frozenset(
    ("vmp", "mix", "poll", "vips", "mute_filter", "voice_activity_detection")
)
"""The arguments that affect a conference that starts at once, but no template, virtual room or reservation."""


def refuse_unsafe(params: Mapping[str, object], *, instant: bool = False) -> None:
    """Raise Refusal for arguments on which people rely for their safety, but which have no effect.

    `instant`: the arguments are those of a conference that starts at once, not of a template, room or reservation.
    """
    for name, (code, reason) in _REFUSED.items():
        if number(params.get(name), name, 0):
            raise Refusal(code, f"{name}: {reason}")
    layout = params.get("vmp")
    if instant:
        return
    # Only the form of a conference that starts at once carries a picture layout to the unit.
    if isinstance(layout, dict) and number(layout.get("mode"), "vmp.mode", 2) == _CHOSEN_LAYOUT:
        code, reason = _NO_COMPOSITION
        raise Refusal(code, f"vmp: {reason}")


def names_without_effect(params: Mapping[str, object], *, instant: bool = False) -> list[str]:
    """Return the names of the arguments that ask for a function but have no effect.

    `instant`: the conference starts at once; it is not a template, room or reservation.
    """
    effective = _EFFECTIVE_AT_ONCE if instant else frozenset()
    names = [
        name
        for name, supported in _SUPPORTED_VALUES.items()
        if name not in effective and number(params.get(name), name, supported[0]) not in supported
    ]
    names += [name for name in _UNSUPPORTED_ARGUMENTS if name not in effective and params.get(name)]
    if params.get("encrypted_key"):
        names.append("encrypted_key")
    names += [name for name in _nested_without_effect(params) if name not in effective]
    return names


def _nested_without_effect(params: Mapping[str, object]) -> list[str]:
    """Return the names of fields inside the arguments (`mix`, `dcs`, formats, recorder) whose wish has no effect here.

    Such a field asks for another mode than the usual one, more than a unit can show, or a recorder's option.
    """
    names = []
    for name, default in (("mix", 1), ("dcs", 0)):
        argument = params.get(name)
        if (
            isinstance(argument, dict)
            and number(argument.get("mode"), f"{name}.mode", default) != default
        ):
            names.append(name)
    formats = items(params.get("video_formats"), "video_formats", 16)[:1]
    for name, limit in (("resolution", _MAX_RESOLUTION), ("frame", _MAX_FRAMES)):
        if any(number(entry.get(name), name, 0) > limit for entry in formats):
            names.append(f"video_formats.{name}")
    recorder = params.get("recorder")
    if isinstance(recorder, dict):
        names += [
            f"recorder.{name}"
            for name in _UNSUPPORTED_RECORDER_FIELDS
            if number(recorder.get(name), name, 0)
        ]
    return names
