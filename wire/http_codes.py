"""The error codes of the wire as the open HTTP API prints them."""

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
"""Wire codes with another number over HTTP; all others stay as they are."""


def http_code(errcode: str) -> int:
    """Return the `error_code` of a wire `errcode`; one that is no number becomes UNSPECIFIED."""
    if errcode in HTTP_CODES:
        return HTTP_CODES[errcode]
    # The refusal of a media unit may hold any text.
    is_number = re.fullmatch(r"[0-9]{1,9}", errcode)
    return (int(errcode) or UNSPECIFIED) if is_number else UNSPECIFIED
