"""Through these hooks the apps above `domains` take part in changes and pages of domains and accounts.

`database` is the alias of the database that holds the platform's data. A MOID is the id of a domain or an account.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from domains.rules.personal_notices import PersonalNotice
from foundation.bus.unit_of_work import UnitOfWork
from foundation.hooks import Hook, SingleHook

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


class Measure(NamedTuple):
    """A measure says how much of a limit of a domain is used. `limit` is `None` where there is no limit."""

    name: StrOrPromise
    used: int
    limit: int | None


class RunningConference(NamedTuple):
    """A running conference is one for whose people `im` keeps a conversation.

    `creator` is a MOID, `accounts` are sign-in names or MOIDs, `revision` grows with each change.
    """

    confid: str
    revision: int
    name: str
    domain: str
    creator: str
    accounts: frozenset[str]
    only_chairs_write: bool = False
    """Only the owner and administrators of the conversation write there; chairs and co-chairs do so from the call."""


class CallMessage(NamedTuple):
    """Represent a message of a conference's chat, as the page of the call shows it.

    `author` is the account's MOID, or the id of a guest's browser (`visitor`). `is_gone`: it was taken back, and has
    no text. `is_file`: the text is the name of a file.
    """

    seq: int
    author: str
    name: str
    is_guest: bool
    text: str
    sent_at: datetime
    is_file: bool = False
    is_gone: bool = False


class CallText(NamedTuple):
    """Represent a text that somebody in a call writes into the conference's chat.

    `account` is the writer's MOID; "" means a guest, who has the id `visitor` and gives the name `name`. `key` is the
    page's own id of the text: with the same one it is stored once. `is_chair`: the writer steers the conference.
    """

    account: str
    visitor: str
    name: str
    text: str
    key: str
    is_chair: bool = False


DOMAIN_USES: Hook[[str, str], Mapping[str, int]] = Hook()
"""`(database, moid)`: count what uses a domain, by kind. A domain in use is not deleted."""

ROOM_USES: Hook[[str, str], Mapping[str, int]] = Hook()
"""`(database, moid)`: count what uses a machine room, by kind. A room in use is not deleted."""

RUNNING_BELOW: Hook[[str, str], Mapping[str, int]] = Hook()
"""`(database, moid)`: count what runs in a domain and in all domains below it, by kind."""

END_RUNNING: Hook[[str], int] = Hook()
"""`(moid)`: end what runs in a disabled domain and below it; return how many that were."""

END_RUNNING_IN: Hook[[UnitOfWork, str], int] = Hook()
"""`(unit of work, moid)`: as END_RUNNING, for one platform, in the transaction that applies the core's change."""

MEASURES: Hook[[str, Collection[str]], Mapping[str, Sequence[Measure]]] = Hook()
"""`(database, moids)`: return what each of these domains uses of its limits."""

REMARKS: Hook[[str], str] = Hook()
"""`(platform)`: tell operators what to do besides changing a platform in the tree. "" means nothing."""

OPERATOR_WARNINGS: Hook[[str], str] = Hook()
"""`(platform)`: say what operators have to look after at a platform that this site serves. "" means nothing."""

REVOKE_CREDENTIALS: Hook[[str, Collection[str]], None] = Hook()
"""`(database, accounts)`: make all tokens of these accounts void.

It is called in the transaction that disables or deletes the accounts, or changes their passwords."""

RUNNING_CONFERENCES: SingleHook[
    [str, Mapping[str, int]], tuple[Collection[str], Sequence[RunningConference]]
] = SingleHook()
"""`(database, known_revisions)`: return the ids of all live conferences, and some of the running ones
whose revision differs from the known one."""

PERSON_JOINED: Hook[[str, str], None] = Hook()
"""`(confid, account)`: a person has joined a conference with an account. A receiver must not raise."""

CHAT_OF: SingleHook[[str, str, str], str] = SingleHook()
"""`(database, confid, account)`: return the address of the conversation of a conference, if the account (MOID) is in
it; "" if it is not."""

CHAT_LAST_SEQ: SingleHook[[str, str], int | None] = SingleHook()
"""`(database, confid)`: return the number of the last entry in a conference's conversation; `None` if empty."""

READ_CHAT: SingleHook[[str, str, int], tuple[list[CallMessage], int]] = SingleHook()
"""`(database, confid, after)`: return the messages that were written or changed after an entry, a page of them, in
order, and the number of the last entry that was looked at."""

WRITE_CHAT: SingleHook[[str, str, CallText], str] = SingleHook()
"""`(platform, confid, text)`: write into the conversation of a conference, for somebody who was let in; return a code
of docs/im.md that says why not, "" if it is stored."""

PERSONAL_NOTICES: Hook[[str, Sequence[PersonalNotice]], None] = Hook()
"""`(platform, notices)`: tell people of this platform, in the transaction that causes the notices."""


def uses_by_kind(
    hook: Hook[[str, str], Mapping[str, int]], database: str, moid: str
) -> dict[str, int]:
    """Ask all apps, by `hook`, what uses a domain or machine room (`moid`); return kind of use in words -> count.

    The hook says what the apps count: rows that refer to it, for instance, or what runs in it.
    """
    return {kind: count for uses in hook.call(database, moid) for kind, count in uses.items()}


def count_running_below(database: str, moids: Collection[str]) -> int:
    """Return how many conferences run in these domains and below them, by the data in one platform's `database`.

    Each app counts by kind what it runs; the result is the sum of all kinds.
    """
    counts = (uses_by_kind(RUNNING_BELOW, database, moid) for moid in moids)
    return sum(sum(by_kind.values()) for by_kind in counts)


def measures(database: str, moids: Collection[str]) -> dict[str, list[Measure]]:
    """Return how much each of these domains uses of its limits, by all apps: MOID -> measures."""
    measures_of: dict[str, list[Measure]] = {moid: [] for moid in moids}
    for answer in MEASURES.call(database, moids):
        for moid, domain_measures in answer.items():
            measures_of[moid] += domain_measures
    return measures_of


def remarks(platform: str) -> list[str]:
    """Return what operators have to do about a platform besides its change in the tree, by all apps."""
    return [remark for remark in REMARKS.call(platform) if remark]
