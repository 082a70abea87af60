"""The rows of polls and of their votes, in the data of the conference's platform."""

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
    """A poll, what came out so far, how many have voted, and what one person has chosen (indices)."""

    poll: Poll
    answers: list[AnswerResult]
    voters: int
    own: tuple[int, ...]


def last_version(database: str, confid: str) -> int:
    """Return the version of a conference's polls together, which rises with each change; 0 without polls."""
    rows = Poll.objects.using(database).filter(confid=confid)
    return int(rows.aggregate(total=Sum("version"))["total"] or 0)


def voter_of(poll: Poll, person: str) -> str:
    """Return under which id a person's vote is stored: the own one, or in an anonymous poll a hash that names nobody.

    `person`: the account, or the id of the guest's browser.
    """
    if not poll.anonymous:
        return person
    hashed = hmac.new(shared_key().encode(), f"vote:{poll.pk}:{person}".encode(), hashlib.sha256)
    return hashed.hexdigest()[:40]


def polls_of(database: str, confid: str, person: str = "") -> list[PollResult]:
    """Return the polls of a conference with their results, the latest first, as `person` sees them."""
    polls = list(Poll.objects.using(database).filter(confid=confid).order_by("-pk"))
    votes = defaultdict[int, list[Vote]](list)
    for row in PollVote.objects.using(database).filter(poll__in=polls) if polls else ():
        votes[row.poll_id].append(Vote(row.voter, row.name, tuple(row.choices)))
    return [_result(poll, votes[poll.pk], person) for poll in polls]


def _result(poll: Poll, votes: list[Vote], person: str) -> PollResult:
    """Return a poll with its results from these votes."""
    answers, voters = results(poll.answers, votes)
    voter = voter_of(poll, person)
    own = next((vote.choices for vote in votes if vote.voter == voter), ())
    return PollResult(poll, answers, voters, own)
