"""People rename and delete recordings, and take them out of the wastebasket; a timer empties it after 30 days."""

from __future__ import annotations

from conferences.data import recording_library
from conferences.data.recording_library import Viewer
from foundation import clock
from foundation.cells.directory import store_of

NAME_LENGTH = 64


def rename(viewer: Viewer, recording: str, name: str) -> bool:
    """Give a recording another name.

    Return False if the name is not 1 to 64 visible characters, or the viewer may not.
    """
    name = " ".join(name.split())
    if not 0 < len(name) <= NAME_LENGTH or not name.isprintable():
        return False
    return recording_library.rename(viewer, recording, name)


def delete(viewer: Viewer, recording: str) -> bool:
    """Put a recording into the wastebasket; return False if the viewer may not."""
    return recording_library.delete(viewer, recording, clock.now())


def restore(viewer: Viewer, recording: str) -> bool:
    """Take a recording out of the wastebasket; return False if the viewer may not."""
    return recording_library.restore(viewer, recording)


def empty_wastebasket(platform: str) -> None:
    """Delete for good a platform's recordings that were put into the wastebasket 30 days ago."""
    recording_library.empty_wastebasket(store_of(platform).database, clock.now())
