"""Pure functions write cards as vCard 4.0, and read vCards of the versions 3.0 and 4.0 (RFC 6350).

The library `vobject` supports version 3.0 only, and rarely gets a release; tests compare with it (ADR 0040).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

MAX_CHARACTERS = 512 * 1024
"""A text that is imported has at most this many characters."""
MAX_CARDS = 500
"""A text that is imported has at most this many cards."""
FOLD_BYTES = 75
"""A longer line goes on in the next one, which begins with a space."""

_PROPERTIES = {
    "nickname": "NICKNAME",
    "organisation": "ORG",
    "title": "TITLE",
    "phone": "TEL",
    "email": "EMAIL",
    "address": "ADR",
    "birthday": "BDAY",
    "url": "URL",
    "note": "NOTE",
}
"""The field of a card -> the property of a vCard."""
_FIELDS = {prop: field for field, prop in _PROPERTIES.items()}
_LINE = re.compile(
    r"^(?:[A-Za-z0-9-]+\.)?(?P<name>[A-Za-z0-9-]+)"
    r"(?P<parameters>(?:;[A-Za-z0-9-]+(?:=(?:\"[^\"]*\"|[^\":;]*))?)*):(?P<value>.*)$"
)
_PARTS = re.compile(r"(?:[^;\\]|\\.)+")
"""The parts of a value between semicolons that are not escaped."""
_ESCAPES = {"n": "\n", "N": "\n"}


class CardRefused(ValueError):
    """The text is not a valid vCard; the message names the line and the reason."""


@dataclass(frozen=True, slots=True)
class VCard:
    """Represent a vCard as it was read: the person's name, and the fields of `rules.cards.FIELDS` that it has."""

    name: str
    fields: Mapping[str, str]


# ---- writing ------------------------------------------------------------------------------------


def write(name: str, fields: Mapping[str, str], user: str = "") -> str:
    """Return a person's card as the text of a vCard 4.0, with line ends CR LF; `user` is the person's id, or ""."""
    lines = ["BEGIN:VCARD", "VERSION:4.0", "KIND:individual", f"FN:{_escaped(name)}"]
    if user:
        lines.append(f"UID:urn:confplatform:person:{_escaped(user)}")
    lines += [_property(field, fields[field]) for field in _PROPERTIES if fields.get(field)]
    lines.append("END:VCARD")
    return "".join(f"{_folded(line)}\r\n" for line in lines)


def _property(field: str, value: str) -> str:
    """Return the vCard line of a card's field with this value."""
    prop = _PROPERTIES[field]
    if field == "phone":
        return f"{prop};VALUE=uri:tel:{value}"
    if field == "birthday":
        return f"{prop}:{value.replace('-', '')}"
    if field == "address":
        return (
            f"{prop}:;;{_escaped(value)};;;;"  # Of the seven parts of ADR the third is the street.
        )
    if field == "url":
        return f"{prop}:{value}"
    return f"{prop}:{_escaped(value)}"


def _escaped(text: str) -> str:
    """Return the value of a vCard's property with its separators and line ends escaped."""
    return re.sub(r"([\\,;])", r"\\\1", text).replace("\r\n", "\n").replace("\n", "\\n")


def _folded(line: str) -> str:
    """Return a line folded by RFC 6350: cut into pieces of at most FOLD_BYTES, never inside of a character."""
    pieces, piece, size = [], "", 0
    for character in line:
        width = len(character.encode())
        if size + width > FOLD_BYTES:
            pieces.append(piece)
            piece, size = " ", 1
        piece, size = piece + character, size + width
    return "\r\n".join([*pieces, piece])


# ---- reading ------------------------------------------------------------------------------------


def read(text: str) -> list[VCard]:
    """Return the vCards (address cards), of version 3.0 or 4.0, in the text of a file. Raises CardRefused."""
    if len(text) > MAX_CHARACTERS:
        raise CardRefused(f"vcard: at most {MAX_CHARACTERS} characters are taken")
    cards: list[VCard] = []
    properties: dict[str, str] | None = None
    for number, line in _unfolded(text):
        name, value = _parse_line(number, line)
        if name == "BEGIN" and value.upper() == "VCARD":
            properties = {}
        elif properties is None:
            raise CardRefused(f"vcard: line {number}: BEGIN:VCARD must come first")
        elif name == "END" and value.upper() == "VCARD":
            cards.append(_card_of_properties(number, properties))
            properties = None
        else:
            properties.setdefault(name, value)
        if len(cards) > MAX_CARDS:
            raise CardRefused(f"vcard: at most {MAX_CARDS} cards are taken at once")
    if properties is not None or not cards:
        raise CardRefused("vcard: END:VCARD is missing")
    return cards


def _unfolded(text: str) -> Iterator[tuple[int, str]]:
    """Yield `(line number, text)` of the lines that are not empty, each joined with its continuation lines."""
    begun, parts = 0, list[str]()
    for number, line in enumerate(re.split(r"\r\n|\r|\n", text.lstrip("\ufeff")), 1):
        # A long line goes on in lines that begin with a space or tab (RFC 6350 §3.2).
        if line[:1] in (" ", "\t") and parts:
            parts.append(line[1:])
            continue
        if parts:
            yield begun, "".join(parts)
        begun, parts = number, [line] if line.strip() else []
    if parts:
        yield begun, "".join(parts)


def _parse_line(number: int, line: str) -> tuple[str, str]:
    """Return the name, in capital letters, and the value of the vCard property in a line. Raises CardRefused."""
    match = _LINE.match(line)
    if match is None:
        raise CardRefused(f"vcard: line {number}: a property is written NAME:value")
    return match["name"].upper(), match["value"]


def _card_of_properties(number: int, properties: Mapping[str, str]) -> VCard:
    """Return the vCard with these properties (name -> value), which ends in line `number`. Raises CardRefused."""
    if properties.get("VERSION") not in ("3.0", "4.0"):
        raise CardRefused(f"vcard: line {number}: VERSION must be 3.0 or 4.0")
    if not (name := _unescaped(properties.get("FN", ""))):
        raise CardRefused(f"vcard: line {number}: the name (FN) is missing")
    fields = {
        _FIELDS[prop]: _field_value(_FIELDS[prop], value)
        for prop, value in properties.items()
        if prop in _FIELDS
    }
    return VCard(name, {field: value for field, value in fields.items() if value})


def _field_value(field: str, text: str) -> str:
    """Return the value of a card's field from the value of its vCard property; "" if it is unusable."""
    if field == "phone":
        return re.sub(r"[^\d+]", "", text.removeprefix("tel:").partition(";")[0])
    if field == "birthday":
        day = re.match(r"(\d{4})-?(\d\d)-?(\d\d)", text)
        return "-".join(day.groups()) if day else ""
    if field in ("address", "organisation"):
        parts = (_unescaped(part).strip() for part in _PARTS.findall(text))
        return ", ".join(part for part in parts if part)
    return text if field == "url" else _unescaped(text)


def _unescaped(text: str) -> str:
    """Return the value of a vCard's property with its escape sequences resolved."""
    return re.sub(r"\\(.)", lambda match: _ESCAPES.get(match[1], match[1]), text)
