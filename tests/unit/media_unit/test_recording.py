"""The note of a segment says who was there, and counts what a killed Janus has left."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from media_unit.child_user import ChildUser
from media_unit.conference_copy import HostedConference
from media_unit.gate_rules import AUDIO, VIDEO
from media_unit.recording import Recorder
from media_unit.roster import JanusConnection
from tests.unit.media_unit.conferences import hosted_conference


class Clock:
    """A clock that moves one second each time it is read."""

    def __init__(self) -> None:
        self.now = datetime(2030, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


def recorded(folder: Path) -> HostedConference:
    folder.mkdir(parents=True)
    return hosted_conference(recording=str(folder), segments=1)


def note(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "segment.json").read_text())
    return found


def test_the_note_says_whose_picture_is_whose_and_who_was_there_when(tmp_path: Path) -> None:
    folder = tmp_path / "rec" / "c" / "000001-001"
    conference = recorded(folder)
    recorder = Recorder(tmp_path, Clock(), ChildUser())
    conference.roster.update(
        [JanusConnection(AUDIO, "a", "Anna"), JanusConnection(VIDEO, "a", "Anna")]
    )
    recorder.record_presence(conference)
    conference.roster.update(
        [JanusConnection(AUDIO, "a", "Anna"), JanusConnection(AUDIO, "b", "Ben")]
    )
    recorder.record_presence(conference)
    conference.roster.update([JanusConnection(AUDIO, "b", "Ben")])
    recorder.record_presence(conference)
    (folder / "videoroom-1-user-a-1-video-0.mjr.tmp").touch()
    (folder / "audio.wav").touch()
    recorder.mark_ended(conference)
    people = note(folder)["people"]
    assert (people["a"]["mtid"], people["a"]["name"]) == ("1", "Anna")
    assert (people["b"]["mtid"], people["b"]["name"]) == ("2", "Ben")
    assert people["a"]["from"] < people["b"]["from"] < people["a"]["until"] < people["b"]["until"]
    assert note(folder)["files"] == ["audio.wav", "videoroom-1-user-a-1-video-0.mjr.tmp"]
    assert conference.recording == ""


def test_a_segment_that_nobody_ended_is_ended_at_its_last_sound(tmp_path: Path) -> None:
    over, going_on = (tmp_path / "rec" / "c" / f"000001-00{n}" for n in (1, 2))
    recorder = Recorder(tmp_path, Clock(), ChildUser())
    for folder in (over, going_on):
        conference = recorded(folder)
        conference.roster.update([JanusConnection(AUDIO, "a", "Anna")])
        recorder.record_presence(conference)
        (folder / "audio.wav.tmp").write_bytes(b"sound")
    recorder.end_left_over_segments({str(going_on)})
    assert note(over)["files"] == ["audio.wav.tmp"]
    assert note(over)["people"]["a"]["until"] == note(over)["ended"]
    assert "ended" not in note(going_on)


def test_a_damaged_note_is_begun_anew(tmp_path: Path) -> None:
    folder = tmp_path / "rec" / "c" / "000001-001"
    conference = recorded(folder)
    (folder / "segment.json").write_text("{")
    conference.roster.update([JanusConnection(AUDIO, "a", "Anna")])
    Recorder(tmp_path, Clock(), ChildUser()).record_presence(conference)
    assert list(note(folder)["people"]) == ["a"]
