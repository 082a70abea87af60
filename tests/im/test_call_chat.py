"""The chat of a call over HTTP: members and guests who were let in write and read, others do not."""

from __future__ import annotations

from typing import Any, Literal
from uuid import uuid4

import pytest
from django.core.cache import cache

from conferences.data import visitor_rates
from conferences.data.join_links import join_link
from conferences.data.queries import live_by_number
from conferences.rules.states import Conference
from foundation import clock
from foundation.cells.directory import own_platform, store_of
from im.data.locked_conversation import lock_conversation
from im.data.people import Person
from im.flows import conferences
from im.models import Conversation
from im.rules.messages import Recall
from im.rules.vocabulary import TEXT_BYTES
from tests.im.http.town import Someone, someone
from tests.im.test_conference_conversations import becomes, follow, running
from tests.web_clients import BareClient, Browser
from wire.fields import Settings, Terminal


class Insider:
    """A browser that was let into the conference."""

    def __init__(self, conference: Conference, name: str, person: Someone | None = None) -> None:
        """Enter with the account of a person, or as a guest with a link."""
        self.client, self.name, self.number = Browser(), name, conference.e164
        if person:
            self.client.force_login(person.account)
        link = join_link(conference.confid, self.number).replace("/?", "/where?entering=1&")
        self.answer = self.client.post(link, {"browser": uuid4().hex}).json()
        self.is_in(1)

    def is_in(self, online: Literal[0, 1]) -> None:
        """Let the media unit report this browser as being in the call, or as having left."""
        live, visitor = live_by_number(self.number), self.answer["visitor"]
        assert live is not None
        others = tuple(terminal for terminal in live.mts if terminal.visitor != visitor)
        mine = Terminal(mtid=visitor, name=self.name, online=online, visitor=visitor)
        becomes(live, mts=(*others, mine))

    def say(self, text: str = "", key: str = "", **more: Any) -> Any:
        """Write a text, or only read; return the reply."""
        form = {"pass": self.answer["pass"], "name": self.name, "text": text}
        key = key or (uuid4().hex if text else "")
        return self.client.post(f"/join/{self.number}/chat", form | {"key": key} | more)

    def read(self, after: int = 0) -> list[tuple[str, str, bool, bool]]:
        """Return what is there after an entry: name, text, whether a guest wrote it, whether it is the own."""
        shown = self.say(after=after).json()["messages"]
        return [(one["name"], one["text"], one["guest"], one["mine"]) for one in shown]


@pytest.fixture
def conference(platform: str) -> Conference:
    """Return Anna's conference, with its conversation."""
    cache.clear()
    conferences._revisions.clear()
    conference = running(password="")
    follow()
    return conference


def test_members_and_guests_see_what_all_have_written_and_members_find_it_on_the_chat_page(
    conference: Conference,
) -> None:
    anna = someone("anna")
    hers, guest = Insider(conference, "typed", anna), Insider(conference, "Gus\u202e")
    assert guest.answer["chat"] == Conversation.objects.get().last_seq
    assert hers.say("Welcome").status_code == 200
    assert guest.say("Hello", "k1").json()["messages"][-1]["mine"]
    assert guest.say("Hello", "k1").status_code == 200
    name = hers.read()[0][0]
    assert hers.read() == [(name, "Welcome", False, True), ("Gus", "Hello", True, False)]
    late = Insider(conference, "Late")
    assert late.read() == [(name, "Welcome", False, False), ("Gus", "Hello", True, False)]
    last = late.say().json()["last"]
    assert late.read(last) == []

    number = Conversation.objects.get().pk
    log = {
        (entry["data"]["publisher_name"], entry["data"]["body"])
        for entry in anna.log(str(number))
        if entry["cmd"] == "msg"
    }
    assert log == {(name, "Welcome"), ("Gus (guest)", "Hello")}
    own = next(one["seq"] for one in hers.say().json()["messages"] if one["mine"])
    anna.does(Recall(number, own))
    assert late.say(after=last).json()["messages"][0]["gone"]
    assert late.read()[0][1] == ""


def test_nobody_without_a_pass_of_this_conference_reads_or_writes(conference: Conference) -> None:
    Insider(conference, "Gus").say("secret")
    other = running(password="", confid="other", e164="8800043", shortnum="00043")
    path = f"/join/{conference.e164}/chat"
    passes = ("", "forged", Insider(other, "Eve").answer["pass"])
    for one_pass in passes:
        reply = BareClient().post(path, {"pass": one_pass, "text": "x", "key": "k"})
        assert (reply.status_code, reply.json()) == (403, {"refused": "pass"})
    assert BareClient().get(path).status_code == 405
    assert BareClient().post("/join/77/chat", {}).status_code == 404


@pytest.mark.parametrize(
    ("text", "code"),
    [("x" * (TEXT_BYTES + 1), "too_large"), ("\x00", "bad_json")],
    ids=["long", "control"],
)
def test_a_text_that_a_client_might_not_send_is_refused(
    conference: Conference, text: str, code: str
) -> None:
    assert Insider(conference, "Gus").say(text).json() == {"refused": code}


def test_a_guest_writes_no_more_than_people_do_and_not_where_only_administrators_speak(
    conference: Conference, monkeypatch: pytest.MonkeyPatch
) -> None:
    guest = Insider(conference, "Gus")
    Conversation.objects.update(mute_all=True)
    assert guest.say("x").json() == {"refused": "muted"}
    Conversation.objects.update(mute_all=False)
    number = Conversation.objects.get().pk
    with lock_conversation(
        store_of(own_platform()), number, Person("", "x", ""), clock.now()
    ) as locked:
        locked.set_closed(True)
    assert guest.say("x").json() == {"refused": "closed"}
    for limits in (visitor_rates.MOST_OF_VISITOR, visitor_rates.MOST_OF_ADDRESS):
        with monkeypatch.context() as patch:
            patch.setitem(limits, "write", 0)
            assert guest.say("x").status_code == 429
        assert guest.say().status_code == 200


def test_before_the_conversation_is_there_the_page_is_told_to_try_again(platform: str) -> None:
    cache.clear()
    guest = Insider(running(password=""), "Gus")
    assert "chat" not in guest.answer
    assert guest.say("x").status_code == 503
    assert guest.read() == []


def test_whoever_has_left_the_call_reads_and_writes_no_more(conference: Conference) -> None:
    guest = Insider(conference, "Gus")
    assert guest.say("Hello").status_code == 200
    guest.is_in(0)
    for reply in (guest.say("Still here?"), guest.say()):
        assert (reply.status_code, reply.json()) == (409, {"refused": "absent"})
    guest.is_in(1)
    assert [text for _, text, _, _ in guest.read()] == ["Hello"]


def test_the_key_of_a_text_is_checked_as_that_of_any_client(conference: Conference) -> None:
    guest = Insider(conference, "Gus")
    for key in ("with blank", "é", "x" * 65):
        assert guest.say("Hello", key).status_code in (400, 409)
    assert guest.read() == []


def test_where_only_chairs_write_others_read_also_on_the_chat_page(conference: Conference) -> None:
    ben = someone("ben")
    hers, guest = Insider(conference, "Anna", someone("anna")), Insider(conference, "Gus")
    member, chair = Insider(conference, "Ben", ben), Insider(conference, "Cara")
    live = live_by_number(conference.e164)
    assert live is not None
    kept: dict[str, object] = {"chairsonly": ["chat"], "cochairs": [chair.answer["visitor"]]}
    kept_live = becomes(live, settings=Settings(extra=kept))
    for person in (guest, member):
        reply = person.say("Me too")
        assert (reply.status_code, reply.json()) == (409, {"refused": "muted"})
    follow()
    assert Conversation.objects.get().mute_all, "clients of the chat are held as well"
    for person in (hers, chair):
        assert person.say("Welcome").status_code == 200
    assert len(guest.read()) == 2
    becomes(kept_live, settings=Settings())
    follow()
    assert guest.say("At last").status_code == 200
    assert not Conversation.objects.get().mute_all
