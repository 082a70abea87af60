"""Polls of a call over HTTP: each person votes once, an anonymous vote names nobody, others' polls stay as they are."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.cache import cache

from conferences.models import PollVote
from conferences.rules.states import Conference
from tests.im.http.town import someone
from tests.im.test_call_chat import Insider
from tests.im.test_conference_conversations import running


@pytest.fixture
def conference(platform: str) -> Conference:
    """Return Anna's conference, which nobody chairs."""
    cache.clear()
    return running(password="")


def says(insider: Insider, **form: Any) -> Any:
    """Send a form about polls, and return the answer."""
    form |= {"pass": insider.answer["pass"], "name": insider.name}
    return insider.client.post(f"/join/{insider.number}/polls", form).json()


def asked(asker: Insider, **more: Any) -> str:
    """Ask whether it goes well, and return the id of the poll."""
    about = {"question": "Well?", "answers": "Yes\nNo", "key": "k1", **more}
    return str(says(asker, act="ask", **about)["polls"][0]["id"])


def test_each_votes_once_and_may_change_it_until_the_asker_closes(conference: Conference) -> None:
    anna, guest = Insider(conference, "", someone("anna")), Insider(conference, "Gus")
    again = Insider(conference, "", someone("anna"))
    poll = asked(anna)
    assert asked(anna) == poll
    for voter, choice in ((anna, "0"), (again, "1"), (guest, "0"), (guest, "1")):
        result = says(voter, act="vote", poll=poll, choices=choice)["polls"][0]
    assert (result["voters"], [one["votes"] for one in result["answers"]]) == (2, [0, 2])
    assert "Gus (guest)" in result["answers"][1]["names"]
    assert says(guest, act="close", poll=poll) == {"refused": "not_allowed"}
    assert not says(anna, act="close", poll=poll)["polls"][0]["open"]
    assert says(guest, act="vote", poll=poll, choices="0") == {"refused": "closed"}
    assert Insider(conference, "Late").answer["polls"] == says(anna)["version"]


def test_an_anonymous_vote_names_nobody_and_still_counts_once(conference: Conference) -> None:
    anna = Insider(conference, "", someone("anna"))
    poll = asked(anna, anonymous="1")
    for choice in ("0", "1"):
        result = says(anna, act="vote", poll=poll, choices=choice)["polls"][0]
    assert (result["voters"], result["own"]) == (1, [1])
    assert not any(one["names"] for one in result["answers"])
    row = PollVote.objects.get()
    assert row.name == ""
    assert row.voter != someone("anna").id


def test_guests_do_not_ask_and_nobody_reaches_the_poll_of_another_conference(
    conference: Conference, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna, guest = Insider(conference, "", someone("anna")), Insider(conference, "Gus")
    assert says(guest, act="ask", question="x", answers="a\nb", key="k") == {
        "refused": "not_allowed"
    }
    poll = asked(anna)
    other = Insider(running(password="", confid="o", e164="8800043", shortnum="00043"), "Eve")
    assert says(other)["polls"] == []
    assert says(other, act="vote", poll=poll, choices="0") == {"refused": "closed"}
    assert says(anna, act="vote", poll=poll, choices="0,1") == {"refused": "choices"}
    assert says(anna, act="vote", poll=poll, choices="x") == {"refused": "choices"}
    assert says(anna, act="other") == {"refused": "act"}
    monkeypatch.setattr("conferences.flows.polls.MAX_POLLS", 1)
    assert says(anna, act="ask", question="x", answers="a\nb", key="k2") == {"refused": "full"}
