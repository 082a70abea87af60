"""The error codes of the HTTP API that belong to the error codes in messages."""

from __future__ import annotations

import re

UNSPECIFIED = 99999

HTTP_CODES = {
    "29501": 20101,
    "29502": 20101,
    "29503": 20101,
    "29006": 20102,
    "29007": 20102,
    "29008": 20102,
    "29009": 20106,
    "29010": 12103,
    "29011": 20119,
    "29018": 20108,
    "29019": 20105,
    "29020": 19008,
    "29013": 20121,
    "29014": 20121,
    "29015": 20001,
    "29016": 20001,
}
"""The HTTP API's code for each code in messages that has another number there; all others are the same."""

_CODES_OF_STATUS = {
    401: (10001, 10002, 10101, 10102),
    403: (19003, 19008, 20005, 20102, 29020),
    404: (12103, 12104, 12105, 19005, 19903, 20108, 20524, 20802, 20812, 20823),
    422: (29001,),
    503: (20101, 29005),
    504: (20001,),
}
HTTP_STATUSES = {code: status for status, codes in _CODES_OF_STATUS.items() for code in codes}
"""The HTTP status of a refusal for new client applications, by its code; 409 for all others.

What the description of the API forbids is a 400, before any code is chosen; 422 is what only a rule can find."""


def http_code(errcode: str) -> int:
    """Return the `error_code` of the HTTP API for an `errcode` of a message; UNSPECIFIED if that is no number."""
    if errcode in HTTP_CODES:
        return HTTP_CODES[errcode]
    # The refusal of a media unit may hold any text.
    is_number = re.fullmatch(r"[0-9]{1,9}", errcode)
    return (int(errcode) or UNSPECIFIED) if is_number else UNSPECIFIED
