"""The functions here read the polls of conferences and their votes, from the database of the conference's platform."""

from __future__ import annotations

import hashlib
import hmac
from collections import defaultdict
from typing import NamedTuple

from django.db.models import Sum

from conferences.models import Poll, PollVote
from conferences.rules.polls import AnswerResult, Vote, results
from foundation.signing import shared_key


class PollResult(NamedTuple):
    """A poll with its results so far: votes for each answer, number of voters, and what one person has chosen."""

    poll: Poll
    answers: list[AnswerResult]
    voters: int
    own: tuple[int, ...]


def last_version(database: str, confid: str) -> int:
    """Return a number that rises with each change of a conference's polls, also each vote; 0 without polls."""
    rows = Poll.objects.using(database).filter(confid=confid)
    return int(rows.aggregate(total=Sum("version"))["total"] or 0)


def voter_of(poll: Poll, person: str) -> str:
    """Return the id under which a person's vote is stored: the person's, or in an anonymous poll a hash that hides it.

    `person`: the account, or the id of the guest's browser.
    """
    if not poll.anonymous:
        return person
    hashed = hmac.new(shared_key().encode(), f"vote:{poll.pk}:{person}".encode(), hashlib.sha256)
    return hashed.hexdigest()[:40]


def polls_of(database: str, confid: str, person: str = "") -> list[PollResult]:
    """Return the polls of a conference with their results, the latest first, each with what `person` has chosen."""
    polls = list(Poll.objects.using(database).filter(confid=confid).order_by("-pk"))
    votes = defaultdict[int, list[Vote]](list)
    for row in PollVote.objects.using(database).filter(poll__in=polls) if polls else ():
        votes[row.poll_id].append(Vote(row.voter, row.name, tuple(row.choices)))
    return [_result(poll, votes[poll.pk], person) for poll in polls]


def _result(poll: Poll, votes: list[Vote], person: str) -> PollResult:
    """Return a poll with the results that follow from these votes, and what `person` has chosen."""
    answers, voters = results(poll.answers, votes)
    voter = voter_of(poll, person)
    own = next((vote.choices for vote in votes if vote.voter == voter), ())
    return PollResult(poll, answers, voters, own)
