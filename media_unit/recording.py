"""Recordings: one folder per conference, one folder in it per segment, a note in each."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import orjson

from media_unit.conference_copy import Held
from media_unit.rooms import Rooms

log = logging.getLogger("conferences.media.unit")


class Recorder:
    """Segments are named by incarnation, so that those of several units fall into one order."""

    def __init__(self, directory: Path, now: Callable[[], datetime]) -> None:
        self._root, self._now = directory / "rec", now

    async def start(self, held: Held, rooms: Rooms) -> None:
        """Begin the next segment."""
        held.segments += 1
        # The id comes from outside; it must not name another place.
        safe = re.sub(r"[^0-9A-Za-z_-]", "_", held.confid) or "_"
        folder = self._root / safe / f"{held.incarnation:06d}-{held.segments:03d}"
        await rooms.start_recording(held.room, folder)
        held.recording = str(folder)
        self._note(held, begun=self._now().isoformat())
        log.info("%s records into %s", held.e164, folder)

    async def stop(self, held: Held, rooms: Rooms) -> None:
        """Close the segment, if there is one."""
        if held.recording:
            await rooms.stop_recording(held.room)
            self.closed(held)

    def closed(self, held: Held) -> None:
        """Note that the segment is over; also when its room was destroyed or its Janus died."""
        if held.recording:
            self._note(held, ended=self._now().isoformat())
            held.recording = ""

    def _note(self, held: Held, **more: str) -> None:
        """What the segment is, and from when to when: by these notes gaps are known."""
        path = Path(held.recording) / "segment.json"
        try:
            note = orjson.loads(path.read_bytes()) if path.exists() else {}
            note |= {"confE164": held.e164, "confid": held.confid, "confname": held.name}
            note |= {"incarnation": held.incarnation, "segment": held.segments, **more}
            path.write_bytes(orjson.dumps(note, option=orjson.OPT_INDENT_2))
        except (OSError, ValueError) as wrong:
            log.warning("%s: no note at %s: %s", held.e164, path, wrong)
