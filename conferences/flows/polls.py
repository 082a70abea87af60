"""Define the flow of polls in a call: each function is one transaction on the data of the conference's platform.

page of the call -> its pass is checked (conferences/pages/polls_in_call.py)
-> rules/polls.py decides -> row, with a new version by which the other pages learn of it
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from django.db import transaction

from conferences.data.poll_rows import voter_of
from conferences.models import Poll, PollVote
from conferences.rules.polls import MAX_POLLS, MAX_VOTES, Draft, are_choices, fault_of_draft
from foundation import clock
from foundation.cells.directory import PlatformStore
from foundation.cells.serving import is_served_here


class Voter(NamedTuple):
    """Represent a person in a call who votes or asks: the account, or the id of the guest's browser.

    And the name that others see.
    """

    person: str
    name: str


class PollRefused(Exception):
    """The exception that refuses a request about a poll; `why` is the word for which the page has a text."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


def ask(store: PlatformStore, confid: str, asker: Voter, draft: Draft, key: str) -> None:
    """Store a new poll of a conference; do nothing if one with the same `key` is stored, as the page may repeat itself.

    Raises PollRefused: the draft is bad, there are too many polls, or another site serves the platform.
    """
    if fault := fault_of_draft(draft):
        raise PollRefused(fault)
    with transaction.atomic(using=store.database):
        _require_serving(store)
        rows = Poll.objects.using(store.database).filter(confid=confid)
        keys = list(rows.select_for_update().values_list("key", flat=True))
        if key in keys:
            return
        if len(keys) >= MAX_POLLS:
            raise PollRefused("full")
        poll = Poll(
            confid=confid,
            key=key,
            **draft._asdict(),
            asker=asker.person,
            asked_at=clock.now(),
        )
        rows.bulk_create([poll], ignore_conflicts=True)


def vote(
    store: PlatformStore, confid: str, poll_id: int, voter: Voter, choices: Sequence[int]
) -> None:
    """Store which answers (indices) somebody chooses, in place of an earlier vote.

    Raises PollRefused: the poll is closed or missing, a choice is bad, or too many have voted.
    """
    with transaction.atomic(using=store.database):
        poll = _lock_open_poll(store, confid, poll_id)
        if not are_choices(choices, len(poll.answers), poll.multiple):
            raise PollRefused("choices")
        votes = PollVote.objects.using(store.database).filter(poll_id=poll.pk)
        own_id = voter_of(poll, voter.person)
        if not votes.filter(voter=own_id).exists() and votes.count() >= MAX_VOTES:
            raise PollRefused("full")
        values = {"choices": [*choices], "name": "" if poll.anonymous else voter.name}
        votes.update_or_create(poll_id=poll.pk, voter=own_id, defaults=values)
        _save(store, poll)


def close(store: PlatformStore, confid: str, poll_id: int, person: str, *, chairs: bool) -> None:
    """Close a poll, if `person` has asked it or `chairs` (may close those of others). Raises PollRefused if not."""
    with transaction.atomic(using=store.database):
        poll = _lock_open_poll(store, confid, poll_id)
        if poll.asker != person and not chairs:
            raise PollRefused("not_allowed")
        poll.closed_at = clock.now()
        _save(store, poll)


def _require_serving(store: PlatformStore) -> None:
    """Make sure that no other site takes over the platform before the transaction ends.

    Raises PollRefused if one has.
    """
    if not is_served_here(store.platform, lock=True):
        raise PollRefused("elsewhere")


def _lock_open_poll(store: PlatformStore, confid: str, poll_id: int) -> Poll:
    """Lock and return a poll of a conference. Raises PollRefused if it is closed, or does not exist."""
    _require_serving(store)
    rows = Poll.objects.using(store.database).select_for_update()
    poll = rows.filter(pk=poll_id, confid=confid).first()
    if poll is None or poll.closed_at:
        raise PollRefused("closed")
    return poll


def _save(store: PlatformStore, poll: Poll) -> None:
    """Write a poll's end and a new version, by which pages learn that the poll has changed."""
    poll.version += 1
    poll.save(using=store.database, update_fields=["closed_at", "version"])
