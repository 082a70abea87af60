"""Pure functions parse telephone numbers, and compute keyed hashes of them.

The numbers of address books are never stored: only their HMAC with a secret of the platform, by
which nobody without the secret can try all numbers.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable

import phonenumbers

_E164 = re.compile(r"\+[1-9]\d{7,14}")
LONGEST = 40
"""A number as people write it has at most this many characters."""


def parse(text: str, region: str = "") -> str:
    """Return a telephone number, as people write it, in the form of E.164 such as "+8613800138000"; "" if it is none.

    `region` is the country (two letters) of numbers that are written without their country's code.
    """
    if _E164.fullmatch(text):
        return text  # Address books are full of them, and reading one takes the library 50 µs.
    if len(text) > LONGEST:
        return ""
    try:
        number = phonenumbers.parse(text, region or None)
    except phonenumbers.NumberParseException:
        return ""
    if not phonenumbers.is_possible_number(number):
        return ""
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def hashed(number: str, secret: str) -> str:
    """Return the HMAC of a telephone number in the form of E.164, as 64 hexadecimal digits."""
    return hmac.new(f"number:{secret}".encode(), number.encode(), hashlib.sha256).hexdigest()


def hashed_many(texts: Iterable[str], region: str, secret: str) -> dict[str, str]:
    """Return the HMACs of telephone numbers: HMAC -> the number as it was written.

    Texts that are no numbers are left out. `region` is the country (two letters) of numbers without a country code.
    """
    hashes: dict[str, str] = {}
    for text in texts:
        if number := parse(text, region):
            hashes.setdefault(hashed(number, secret), text)
    return hashes
