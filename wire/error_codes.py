"""The error codes in messages. 29501 to 30000 belong to the resource manager (RMS, CSS §1.4)."""

from __future__ import annotations

from enum import StrEnum


class Err(StrEnum):
    """The error codes are the values of `errcode` in a NACK (refusal): strings of digits."""

    MALFORMED = "29001"
    UNKNOWN_DOMAIN = "29002"
    DOMAIN_DISABLED = "29003"
    NOT_SERVED = "29004"
    SERVICE_STOPPED = "29005"
    SMALL_LIMIT = "29006"
    LARGE_LIMIT = "29007"
    DOMAIN_LIMIT = "29008"
    NUMBER_TAKEN = "29009"
    NO_CONFERENCE = "29010"
    DURATION = "29011"
    WRONG_STATE = "29012"
    NO_HD = "29013"
    NO_H265 = "29014"
    UNIT_REFUSED = "29015"
    UNIT_SILENT = "29016"
    LICENCE = "29017"
    NOT_FOUND = "29018"
    NAME_TAKEN = "29019"
    NOT_PERMITTED = "29020"
    CM_SILENT = "29021"
    RMS_ERROR = "29501"
    NO_RESOURCE = "29502"
    RMS_SILENT = "29503"


MEANING: dict[str, str] = {
    Err.MALFORMED: "message malformed",
    Err.UNKNOWN_DOMAIN: "unknown domain",
    Err.DOMAIN_DISABLED: "the domain, or one above it, is disabled; enable it first",
    Err.NOT_SERVED: "this platform is not served at this site",
    Err.SERVICE_STOPPED: "this site has stopped its service",
    Err.SMALL_LIMIT: "the platform's limit of small conferences is reached; end one or extend the licence",
    Err.LARGE_LIMIT: "the platform's limit of large conferences is reached; end one or extend the licence",
    Err.DOMAIN_LIMIT: "the user domain's limit of conferences is reached",
    Err.NUMBER_TAKEN: "the number is already taken; ask for another or for none",
    Err.NO_CONFERENCE: "no such conference",
    Err.DURATION: "duration out of range",
    Err.WRONG_STATE: "the conference is in the wrong state for this; try again shortly",
    Err.NO_HD: "the user domain may not use full HD",
    Err.NO_H265: "the user domain may not use H.265",
    Err.UNIT_REFUSED: "the media unit refused",
    Err.UNIT_SILENT: "the media unit did not answer",
    Err.LICENCE: "the licence is missing, invalid or expired",
    Err.NOT_FOUND: "template, reservation or room not found",
    Err.NAME_TAKEN: "the name is already taken",
    Err.NOT_PERMITTED: "not permitted",
    Err.CM_SILENT: "the conference manager did not answer",
    Err.RMS_ERROR: "the resource pool failed",
    Err.NO_RESOURCE: "no media unit has room for it now",
    Err.RMS_SILENT: "the resource pool did not answer",
}
