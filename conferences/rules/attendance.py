"""The rules say which accounts and guests were in an ended conference, and who may see that. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from math import ceil
from typing import NamedTuple

from conferences.rules.states import Conference
from wire.fields import Terminal
from wire.number_registry import Stay


class Attendance(NamedTuple):
    """A stay of one person in a conference. `account`: the MOID, "" for a guest. `name`: "" if it must not be shown."""

    name: str
    account: str
    joined: datetime | None
    left: datetime | None

    @property
    def minutes(self) -> int | None:
        """Return the length of a stay in minutes, rounded up; `None` if a time is missing."""
        if self.joined is None or self.left is None:
            return None
        return max(0, ceil((self.left - self.joined).total_seconds() / 60))


def called_names(conference: Conference) -> frozenset[str]:
    """Return the names (sign-in names or MOIDs) of all who were called into a conference."""
    called = {_called_name(terminal) for terminal in conference.mts}
    stayed = {_called_name(stay) for stay in conference.members}
    return frozenset(called | stayed) - {""}


def _called_name(entry: Terminal | Stay) -> str:
    """Return the name under which a terminal was called; "" for one that came without a call.

    One that came by itself has its own id in the field `account`.
    """
    return "" if entry.account == entry.mtid else entry.account or ""


def account_of(
    stay: Stay, accounts_of_browsers: Mapping[str, str], accounts_called: Mapping[str, str]
) -> str:
    """Return the MOID of the account that was in a conference during a stay; "" for a guest.

    `accounts_of_browsers`: id of a browser -> account; `accounts_called`: called name -> account. Who came with a
    browser is the account that was signed in there, whatever name was typed; a terminal without one is the account
    that was called.
    """
    if stay.visitor:
        return accounts_of_browsers.get(stay.visitor, "")
    return accounts_called.get(_called_name(stay), "")


def attendance_of(
    conference: Conference, accounts: Sequence[str], names: Mapping[str, str], person: str
) -> list[Attendance]:
    """Return the stays in an ended conference as an account (`person`, a MOID) may see them, in the order of joining.

    `accounts`: the account of each stay, by `account_of`. `names`: MOID -> name. Guests gave their names to those who
    were there: they are shown to these, and to the creator.
    """
    knows_guests = person == conference.creator_moid or person in accounts

    def shown_name(stay: Stay, account: str) -> str:
        """Return the name of who stayed; "" for a guest whose name the person must not see."""
        return names.get(account, stay.name or "") if account or knows_guests else ""

    return [
        Attendance(shown_name(stay, account), account, _moment(stay.since), _moment(stay.until))
        for stay, account in zip(conference.members, accounts, strict=True)
    ]


def may_export(conference: Conference, accounts: Sequence[str], person: str) -> bool:
    """Return whether an account may have the attendance list: the creator may, and who was chairman at the end."""
    return person == conference.creator_moid or any(
        account == person and stay.mtid == conference.chairman
        for stay, account in zip(conference.members, accounts, strict=True)
    )


def _moment(text: str | None) -> datetime | None:
    """Return the time in a text as UTC; `None` if there is no text, or it is no time."""
    try:
        moment = datetime.fromisoformat(text or "")
        return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
