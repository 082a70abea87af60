"""Define the characters that a text may have: no invisible ones, none that turns a line or controls a terminal.

Names and titles are one line (`NAME`), messages may have several (`LINES`). Signs that join or shape letters are
allowed in both, since scripts and emoji need them.
"""

from __future__ import annotations

import re

_CONTROLS = r"\x7f-\x9f\ud800-\udfff"
_TURNING = r"\u2028-\u202e\u2066-\u2069\ufeff"
"""Line and paragraph separators, and the marks that turn the direction of what follows."""

_UNSEEN = (
    r"\s\x00-\x20\x7f-\xa0\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2000-\u200f"
    r"\u2028-\u202f\u205f-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
    r"\U000e0000-\U000e0fff"
)
"""Characters that show nothing by themselves."""

_SEEN = rf"(?=[\s\S]*[^{_UNSEEN}])"
ONE_LINE = rf"\A[^\x00-\x1f{_CONTROLS}{_TURNING}]*\Z"
"""The pattern of a line that may be empty."""
NAME = rf"\A{_SEEN}[^\x00-\x1f{_CONTROLS}{_TURNING}]*\Z"
"""The pattern of a line in which something is to be seen."""
LINES = rf"\A[^\x00-\x08\x0b\x0c\x0e-\x1f{_CONTROLS}]*\Z"
"""The pattern of a text that may be empty, and may have line ends and tabs."""

EMAIL = (
    r"\A(?=[^@]{1,64}@)[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z0-9-]*[A-Za-z][A-Za-z0-9-]*\Z"
)
"""The pattern of an e-mail address. Quoted and non-ASCII ones are left out, as many mail servers refuse them."""

NAME_RULE = (
    "must show something, in one line, without marks that turn it and without control characters"
)
"""The rule that a name has to obey, in words for people."""

_FORBIDDEN = re.compile(rf"[\x00-\x1f{_CONTROLS}{_TURNING}]+")
_ONE_LINE, _LINES, _VISIBLE = (re.compile(pattern) for pattern in (ONE_LINE, LINES, _SEEN))


def fault_of(text: str, *, may_have_lines: bool = False, may_be_empty: bool = False) -> str:
    """Return in words which character a text must not contain, or that it shows nothing; "" if it is valid.

    `may_have_lines`: line ends and tabs are allowed. `may_be_empty`: so is a text that is empty, or shows nothing.
    """
    if not (_LINES if may_have_lines else _ONE_LINE).match(text):
        return "must not contain control characters, or marks that turn the line"
    if not may_be_empty and not _VISIBLE.match(text):
        return "must contain something that can be seen"
    return ""


def cleaned(text: str) -> str:
    """Return a text as a valid name: one line, without control characters; "" if nothing visible is left."""
    line = _FORBIDDEN.sub(" ", text).strip()
    return line if _VISIBLE.match(line) else ""
