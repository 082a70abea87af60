"""The models: conferences, their numbers, reservations, templates, virtual rooms, and media units."""

from conferences.models.areas import MeetingRoomArea
from conferences.models.conference import (
    PATHS,
    PATHS_AT,
    Attendee,
    CallRecord,
    Conference,
    LobbyVisitor,
    Number,
    NumberCursor,
)
from conferences.models.polls import Poll, PollVote
from conferences.models.recording_rules import RecordingRule
from conferences.models.recording_shares import RecordingGuest, RecordingLink
from conferences.models.recordings import Recording, RecordingSegment
from conferences.models.registry import NumberReport, RegisteredNumber
from conferences.models.reservations import (
    CalendarFeed,
    InvitedAccount,
    Occurrence,
    Reservation,
    UsualLoad,
)
from conferences.models.rooms import VirtualRoom
from conferences.models.shared_documents import SharedDocument, SharedUpdate
from conferences.models.templates import STORED_PATHS, PersonalTemplate, PublicTemplate
from conferences.models.units import ResourceUnit

__all__ = [
    "PATHS",
    "PATHS_AT",
    "STORED_PATHS",
    "Attendee",
    "CalendarFeed",
    "CallRecord",
    "Conference",
    "InvitedAccount",
    "LobbyVisitor",
    "MeetingRoomArea",
    "Number",
    "NumberCursor",
    "NumberReport",
    "Occurrence",
    "PersonalTemplate",
    "Poll",
    "PollVote",
    "PublicTemplate",
    "Recording",
    "RecordingGuest",
    "RecordingLink",
    "RecordingRule",
    "RecordingSegment",
    "RegisteredNumber",
    "Reservation",
    "ResourceUnit",
    "SharedDocument",
    "SharedUpdate",
    "UsualLoad",
    "VirtualRoom",
]
