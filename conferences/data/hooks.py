"""Through these hooks the apps above `conferences` take part in what happens to conferences."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple

from foundation.hooks import Hook, SingleHook

TERMINALS_CALLED: Hook[[str, Collection[str]], None] = Hook()
"""`(e164, accounts)`: a person or client application has called these accounts into the conference with this number.

Accounts are sign-in names, MOIDs or numbers of telephones. A receiver must not raise."""


class CalendarMail(NamedTuple):
    """Represent an e-mail with a calendar, whose method is REQUEST or CANCEL (RFC 5546).

    `reply_to`: whom answers reach; "" means nobody. `thread`: mails with the same value to the same address are sent in
    the order in which they were stored. `causer`: the account (MOID) that has caused it.
    """

    to: str
    subject: str
    text: str
    calendar: str
    method: str
    reply_to: str
    thread: str
    causer: str


STORE_MAILS: SingleHook[[str, Sequence[CalendarMail]], None] = SingleHook()
"""`(database, mails)`: store mails in the transaction that causes them; they are sent after it."""

MAILS_CAUSED: SingleHook[[str, str, datetime], int] = SingleHook()
"""`(database, account, since)`: return how many mails with a calendar an account (MOID) has caused since a time."""
