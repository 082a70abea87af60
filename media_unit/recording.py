"""Recordings: a folder per conference, in it a folder per segment, each with a note (`segment.json`).

A segment is what is recorded between a start and a stop. The note says when it began and ended, who was there with
which id of Janus (the names of the video files hold that id), and which files there are. A file that ends in `.tmp`
was not closed, since Janus was killed; it is part of the recording, but for the last 4 KiB at most.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable, Container
from datetime import UTC, datetime
from pathlib import Path

import orjson

from foundation.bus.message import Body
from media_unit.child_user import ChildUser
from media_unit.conference_copy import HostedConference
from media_unit.janus_rooms import JanusRooms

log = logging.getLogger("conferences.media.unit")


_SOUND_CLOSED_WITHIN = 1.0
"""Seconds in which the mixer closes its file. A start before that would go into the old file."""


class Recorder:
    """The recorder starts and stops recordings, and writes the note of each recorded segment.

    Segments are named by incarnation, so that those of several units sort in one order.
    """

    def __init__(self, directory: Path, now: Callable[[], datetime], janus_user: ChildUser) -> None:
        """Record into folders below `directory`, which the user of Janus gets rights to; `now` tells the time."""
        self._root, self._now, self._janus_user = directory / "rec", now, janus_user

    async def start(self, conference: HostedConference, janus_rooms: JanusRooms) -> None:
        """Start to record a conference, as the next segment (stretch) of its recording, in a new folder.

        Raises JanusError.
        """
        conference.segments += 1
        # The id comes from outside; it must not name another place.
        folder_name = re.sub(r"[^0-9A-Za-z_-]", "_", conference.confid) or "_"
        folder = (
            self._root / folder_name / f"{conference.incarnation:06d}-{conference.segments:03d}"
        )
        folder.mkdir(parents=True, exist_ok=True)
        for parent in (self._root, folder.parent):
            self._janus_user.make_readable(parent)
        self._janus_user.make_writable(folder)
        begun = self._now().isoformat()
        await janus_rooms.start_recording(conference.janus_room, folder)
        conference.recording = str(folder)
        self._write_note(conference, begun=begun)
        self.record_presence(conference)
        log.info("%s records into %s", conference.e164, folder)

    async def stop(self, conference: HostedConference, janus_rooms: JanusRooms) -> None:
        """Stop recording a conference, if it is recorded; its sound file is complete when this returns."""
        if conference.recording:
            await janus_rooms.stop_recording(conference.janus_room)
            await self._wait_until_sound_is_closed(conference)
            self.mark_ended(conference)

    async def _wait_until_sound_is_closed(self, conference: HostedConference) -> None:
        """Wait until Janus has closed the sound file; log a warning if it does not within 1 s."""
        unfinished = Path(conference.recording) / "audio.wav.tmp"
        try:
            async with asyncio.timeout(_SOUND_CLOSED_WITHIN):
                while unfinished.exists():
                    await asyncio.sleep(0.01)
        except TimeoutError:
            log.warning("%s: %s was not closed in time", conference.e164, unfinished)

    def mark_ended(self, conference: HostedConference) -> None:
        """Write the end of a conference's recorded segment into its note (a JSON file).

        Do nothing if it is not recorded. Janus is not needed for that, and may be dead.
        """
        if conference.recording:
            folder, ended = Path(conference.recording), self._now().isoformat()
            people = _people_of(read_note(folder))
            for person in people.values():
                person.setdefault("until", ended)
            self._write_note(conference, ended=ended, people=people, files=media_files(folder))
            conference.recording = ""

    def record_presence(self, conference: HostedConference) -> None:
        """Write into the note (JSON file) of the segment being recorded who has joined or left since the last call.

        Nothing is written if the conference is not recorded, or nobody has come or gone.
        """
        if not conference.recording:
            return
        terminals_here = {
            participant: terminal
            for terminal in conference.roster.online
            for _, participant in terminal.links
        }
        people = _people_of(read_note(Path(conference.recording)))
        present = {participant for participant, person in people.items() if "until" not in person}
        if present == terminals_here.keys():
            return
        moment = self._now().isoformat()
        for participant in terminals_here.keys() - present:
            terminal = terminals_here[participant]
            identity = {"mtid": terminal.mtid, "name": terminal.name, "account": terminal.account}
            people[participant] = {**identity, "from": moment}
        for participant in present - terminals_here.keys():
            people[participant]["until"] = moment
        self._write_note(conference, people=people)

    def end_left_over_segments(self, recorded_folders: Container[str]) -> None:
        """Write the end into the notes of segments without one, which Janus and agent left when they died together.

        `recorded_folders`: the folders of segments that are still being recorded. A segment ended when it was last
        written to.
        """
        for path in self._root.glob("*/*/segment.json"):
            note = read_note(path.parent)
            if "ended" in note or str(path.parent) in recorded_folders:
                continue
            written = [file.stat().st_mtime for file in path.parent.iterdir()]
            ended = datetime.fromtimestamp(max(written), UTC).isoformat()
            for person in _people_of(note).values():
                person.setdefault("until", ended)
            log.warning("%s was left over: it ended at %s", path.parent, ended)
            _save_note(path, note | {"ended": ended, "files": media_files(path.parent)})

    def _write_note(self, conference: HostedConference, **more: object) -> None:
        """Write the segment's note: which conference and segment it is, and these further fields.

        Gaps in a recording are found by these notes.
        """
        folder = Path(conference.recording)
        note = read_note(folder) | {
            "confE164": conference.e164,
            "confid": conference.confid,
            "confname": conference.name,
            "incarnation": conference.incarnation,
            "segment": conference.segments,
            "layout": conference.arrangement.layout,
            **more,
        }
        _save_note(folder / "segment.json", note)


def media_files(folder: Path) -> list[str]:
    """Return the names of a segment's media files, including those that Janus could not close (`.tmp`)."""
    return sorted(path.name for path in folder.iterdir() if path.name.endswith(_MEDIA))


_MEDIA = (".wav", ".mjr", ".wav.tmp", ".mjr.tmp")


def _people_of(note: Body) -> dict[str, Body]:
    """Return the people in a segment's note: participant id at Janus -> mtid, name, account, from, until."""
    people: dict[str, Body] = note.setdefault("people", {})
    return people


def read_note(folder: Path) -> Body:
    """Return the note (`segment.json`) of a recorded segment; an empty one if there is none or it is damaged."""
    path = folder / "segment.json"
    try:
        note = orjson.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        log.warning("the note %s is damaged, and begun anew: %s", path, error)
        return {}
    return note if isinstance(note, dict) else {}


def _save_note(path: Path, note: Body) -> None:
    """Replace the note of a recorded segment as a whole; a failure is logged, and the recording goes on."""
    new_path = path.with_suffix(".new")
    try:
        new_path.write_bytes(orjson.dumps(note, option=orjson.OPT_INDENT_2))
        new_path.replace(path)
    except OSError as error:
        log.warning("no note at %s: %s", path, error)
