"""A personal notice is what one person is told, through whatever app reaches that person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class PersonalNotice(NamedTuple):
    """The account with this MOID is told of something; `what` names the kind, `data` has the details."""

    account: str
    what: str
    data: Mapping[str, str]
