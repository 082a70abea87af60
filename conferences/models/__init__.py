"""The models are conferences with their numbers, and the media units that host them."""

from conferences.models.conference import (
    PATHS,
    PATHS_AT,
    CallRecord,
    Conference,
    Number,
    NumberCursor,
)
from conferences.models.units import ResourceUnit

__all__ = [
    "PATHS",
    "PATHS_AT",
    "CallRecord",
    "Conference",
    "Number",
    "NumberCursor",
    "ResourceUnit",
]
