"""Define the tables of the app `social`, which lie in the data of the platform to which the people belong."""

from social.models.calls import Call, CallGreeting
from social.models.moments import (
    Circle,
    Comment,
    FileUse,
    Like,
    Moment,
    MomentExclusion,
    MomentReader,
)
from social.models.people import (
    BookDay,
    BookEntry,
    CardField,
    ConfirmedNumber,
    Invitation,
    Label,
    LabelMember,
    NumberCode,
    NumberExchange,
    OutgoingText,
    Profile,
)

__all__ = [
    "BookDay",
    "BookEntry",
    "Call",
    "CallGreeting",
    "CardField",
    "Circle",
    "Comment",
    "ConfirmedNumber",
    "FileUse",
    "Invitation",
    "Label",
    "LabelMember",
    "Like",
    "Moment",
    "MomentExclusion",
    "MomentReader",
    "NumberCode",
    "NumberExchange",
    "OutgoingText",
    "Profile",
]
