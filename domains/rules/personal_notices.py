"""A personal notice is what one person is told, through whatever app reaches that person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class PersonalNotice(NamedTuple):
    """A notice tells the person of an account (its MOID) of something: `what` is the kind, `data` has the details."""

    account: str
    what: str
    data: Mapping[str, str]
