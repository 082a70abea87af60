"""Recordings: a folder per conference, in it a folder per segment, each with a note (`segment.json`)."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import orjson

from media_unit.conference_copy import HeldConference
from media_unit.janus_rooms import JanusRooms

log = logging.getLogger("conferences.media.unit")


class Recorder:
    """A recorder names segments by incarnation, so that segments of several units sort in one order."""

    def __init__(self, directory: Path, now: Callable[[], datetime]) -> None:
        self._root, self._now = directory / "rec", now

    async def start(self, conference: HeldConference, janus_rooms: JanusRooms) -> None:
        """Start the next segment."""
        conference.segments += 1
        # The id comes from outside; it must not name another place.
        folder_name = re.sub(r"[^0-9A-Za-z_-]", "_", conference.confid) or "_"
        folder = (
            self._root / folder_name / f"{conference.incarnation:06d}-{conference.segments:03d}"
        )
        await janus_rooms.start_recording(conference.janus_room, folder)
        conference.recording = str(folder)
        self._note(conference, begun=self._now().isoformat())
        log.info("%s records into %s", conference.e164, folder)

    async def stop(self, conference: HeldConference, janus_rooms: JanusRooms) -> None:
        """Stop the segment, if there is one."""
        if conference.recording:
            await janus_rooms.stop_recording(conference.janus_room)
            self.closed(conference)

    def closed(self, conference: HeldConference) -> None:
        """Note that the segment is over, also after its Janus room was destroyed or Janus died."""
        if conference.recording:
            self._note(conference, ended=self._now().isoformat())
            conference.recording = ""

    def _note(self, conference: HeldConference, **more: str) -> None:
        """Write which segment this is, and its begin or end. Gaps are found by these notes."""
        path = Path(conference.recording) / "segment.json"
        try:
            note = orjson.loads(path.read_bytes()) if path.exists() else {}
            note |= {
                "confE164": conference.e164,
                "confid": conference.confid,
                "confname": conference.name,
            }
            note |= {"incarnation": conference.incarnation, "segment": conference.segments, **more}
            path.write_bytes(orjson.dumps(note, option=orjson.OPT_INDENT_2))
        except (OSError, ValueError) as error:
            log.warning("%s: no note at %s: %s", conference.e164, path, error)
