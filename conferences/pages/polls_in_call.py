"""The polls of a call: its page asks, votes, closes polls, and shows their results so far."""

from __future__ import annotations

from django.http import HttpRequest

from conferences.data import poll_rows
from conferences.data.poll_rows import PollResult
from conferences.flows import polls
from conferences.flows.polls import PollRefused, Voter
from conferences.pages import texts
from conferences.pages.entrance import role_in
from conferences.pages.in_call import MAX_KEY, Answer, Insider, for_insiders, refused, whole_number
from conferences.rules.chairs import leads
from conferences.rules.polls import GUEST_MARK, MAX_ANSWERS, Draft
from domains.data.lookups import account_names
from foundation.cells.directory import store_of
from foundation.plain_text import cleaned

_STATUS = {"elsewhere": 503, "not_allowed": 403}
"""The HTTP status of refusals; others have 409."""


@for_insiders
def polls_in_call(request: HttpRequest, insider: Insider) -> Answer:
    """Do what `act` says ("ask", "vote", "close" or nothing), and answer all polls of the conference.

    Fields: of "ask" `question`, `answers` (one a line), `multiple`, `anonymous`, `key`; of "vote" `poll` and `choices`,
    indices with commas between them; of "close" `poll`. Answers a refusal with its reason for too many requests, a bad
    form, or what the person may not do.
    """
    act = request.POST.get("act", "")
    if insider.is_too_often("write" if act else "read"):
        return refused("rate", 429)
    try:
        _act(request, insider, act)
    except PollRefused as refusal:
        return refused(refusal.why, _STATUS.get(refusal.why, 409))
    confid, database = insider.conference.confid, store_of(insider.conference.platform).database
    version = poll_rows.last_version(database, confid)
    results = poll_rows.polls_of(database, confid, _person(insider))
    polls_shown = [_shown(result, insider) for result in results]
    return {"polls": polls_shown, "version": version, "may_ask": _may_ask(insider)}, 200


def _person(insider: Insider) -> str:
    """Return the id by which a person votes: the account's MOID, or for a guest the id of the browser."""
    return insider.granted.account or insider.granted.visitor


def _may_ask(insider: Insider) -> bool:
    """Return whether a person in the call may begin polls and close those of others."""
    conference, granted = insider.conference, insider.granted
    is_chaired = bool(conference.chairman_visitor)
    return leads(role_in(conference, granted), is_chaired=is_chaired, account=granted.account)


def _act(request: HttpRequest, insider: Insider, act: str) -> None:
    """Ask, vote or close a poll as the form says; do nothing for an empty `act`. Raises PollRefused."""
    conference, form, chairs = insider.conference, request.POST, _may_ask(insider)
    store, poll = store_of(conference.platform), whole_number(form.get("poll", ""))
    voter = Voter(_person(insider), _name_of(insider, store.database) if act == "vote" else "")
    if act == "ask":
        if not chairs:
            raise PollRefused("not_allowed")
        answers = tuple(line.strip() for line in form.get("answers", "").splitlines())
        draft = Draft(
            form.get("question", "").strip(),
            tuple(filter(None, answers)),
            form.get("multiple") == "1",
            form.get("anonymous") == "1",
        )
        polls.ask(store, conference.confid, voter, draft, form.get("key", "")[:MAX_KEY])
    elif act == "vote":
        numbers = [text for text in form.get("choices", "").split(",", MAX_ANSWERS) if text]
        if not all(text.isascii() and text.isdecimal() for text in numbers):
            raise PollRefused("choices")
        choices = [whole_number(text) for text in numbers]
        polls.vote(store, conference.confid, poll, voter, choices)
    elif act == "close":
        polls.close(store, conference.confid, poll, voter.person, chairs=chairs)
    elif act:
        raise PollRefused("act")


def _name_of(insider: Insider, database: str) -> str:
    """Return the name that others see beside a person's vote: the account's, or the one that a guest has typed."""
    account = insider.granted.account
    if account:
        return account_names(database, {account}).get(account, "")
    return (cleaned(insider.name) or "?") + GUEST_MARK


def with_shown_names(result: PollResult) -> PollResult:
    """Return a poll and its results with the voters' names in the language of the request."""
    answers = [
        answer._replace(names=tuple(texts.voter_text(name) for name in answer.names))
        for answer in result.answers
    ]
    return result._replace(answers=answers)


def _shown(result: PollResult, insider: Insider) -> dict[str, object]:
    """Return a poll and its results as the page shows them to this person."""
    poll = result.poll
    return {
        "id": str(poll.pk),
        "question": poll.question,
        "answers": [answer._asdict() for answer in with_shown_names(result).answers],
        "voters": result.voters,
        "own": result.own,
        "multiple": poll.multiple,
        "anonymous": poll.anonymous,
        "open": poll.closed_at is None,
        "may_close": poll.asker == _person(insider) or _may_ask(insider),
    }
