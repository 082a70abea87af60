"""Define the form in which people type the number of a conference. Pure."""

from __future__ import annotations

import unicodedata

from wire.fields import may_be_number

MOST_CHARACTERS = 64
"""A typed number may be so long, with all that stands between its digits."""

_BETWEEN_DIGITS = frozenset("()./+")


def number_of_typed(typed: str) -> str:
    """Return the conference number (E.164) in what a person has typed; "" if that is none, or too long.

    Spaces, dashes, brackets, dots and slashes between the digits, a plus sign, and wide digits (as Chinese keyboards
    have them) are allowed.
    """
    if len(typed) > MOST_CHARACTERS:
        return ""
    digits = "".join(
        character
        for character in unicodedata.normalize("NFKC", typed)
        if character not in _BETWEEN_DIGITS
        and not character.isspace()
        and unicodedata.category(character)
        not in ("Pd", "Cf")  # dashes; invisible signs of a copied text
    )
    return digits if digits.isascii() and may_be_number(digits) else ""
