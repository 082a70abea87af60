"""The chapters of a recording in words, as its player lists them."""

from __future__ import annotations

from typing import NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from conferences.data import recording_store

SPEEDS = ("0.5", "0.75", "1", "1.25", "1.5", "2")
"""The speeds at which a film can be watched."""
_TEXTS: dict[str, Promise] = {
    "begin": gettext_lazy("Begin"),
    "gap": gettext_lazy("Not recorded for %(seconds)d s"),
    "join": gettext_lazy("%(name)s joins"),
    "leave": gettext_lazy("%(name)s leaves"),
    "screen": gettext_lazy("%(name)s shares a screen"),
}


class ShownChapter(NamedTuple):
    """A chapter as the page shows it: the second of the film at which it begins, the same as a clock, and its text."""

    at: str
    clock: str
    text: str


def player_context(recording: str) -> dict[str, object]:
    """Return what the player's template needs of a recording: its chapters, speeds, and whether there is HLS."""
    chapters = [
        ShownChapter(
            f"{chapter.at:.3f}",
            _clock(chapter.at),
            str(_TEXTS[chapter.kind]) % {"name": chapter.name, "seconds": chapter.seconds},
        )
        for chapter in recording_store.chapters_of(recording)
        if chapter.kind in _TEXTS
    ]
    has_hls = recording_store.has_file(recording, "film.m3u8")
    return {"chapters": chapters, "speeds": SPEEDS, "has_hls": has_hls}


def _clock(second: float) -> str:
    """Return a second of a film as people read it: 1:05, or 1:00:05."""
    minutes, seconds = divmod(int(second), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
