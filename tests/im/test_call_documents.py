"""Shared notes and whiteboard of a call over HTTP: all write, faults are named, removed people get nothing."""

from __future__ import annotations

from base64 import b64decode, b64encode
from typing import Any

import pytest
from django.core.cache import cache
from pycrdt import Doc, Text

from conferences.data import visitor_rates
from conferences.models import SharedUpdate
from conferences.rules import shared_documents
from conferences.rules.states import Conference
from tests.im.http.town import someone
from tests.im.test_call_chat import Insider
from tests.im.test_conference_conversations import running


@pytest.fixture
def conference(platform: str) -> Conference:
    """Return Anna's conference, which nobody chairs."""
    cache.clear()
    return running(password="")


class Page:
    """The notes on the page of somebody in the call: a document, and what the platform answered last."""

    def __init__(self, insider: Insider) -> None:
        """Fetch what is there."""
        self.insider = insider
        self.answer: dict[str, Any] = {"generation": 0, "last": 0}
        self._begin()
        self.says()

    def _begin(self) -> None:
        self.document: Doc[Text] = Doc()
        self.text = self.document.get("notes", type=Text)
        self.unsent: list[bytes] = []
        self._observed = self.document.observe(lambda event: self.unsent.append(event.update))

    def says(self, **form: Any) -> dict[str, Any]:
        """Send a form about the notes, take in the answer, and return it."""
        known = {"generation": self.answer["generation"], "after": self.answer["last"]}
        form = {"document": "notes", "pass": self.insider.answer["pass"], **known, **form}
        url = f"/join/{self.insider.number}/shared"
        answer: dict[str, Any] = self.insider.client.post(url, form).json()
        if "refused" in answer:
            return answer
        if answer["generation"] != self.answer["generation"]:
            self._begin()
        for update in answer["updates"]:
            self.document.apply_update(b64decode(update))
        self.unsent.clear()
        self.answer = answer
        return answer

    def writes(self, text: str) -> dict[str, Any]:
        """Write a text at the end, and send it."""
        self.text += text
        return self.says(act="write", update=b64encode(self.unsent[-1]).decode())


def test_members_and_guests_write_together_and_who_comes_later_reads_all(
    conference: Conference, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("conferences.flows.shared_documents.COMPACT_AFTER", 4)
    anna = Page(Insider(conference, "", someone("anna")))
    guest = Page(Insider(conference, "Gus"))
    for number in range(5):
        assert anna.writes(f"a{number} ")["updates"] == []
        assert guest.writes(f"g{number} ")["last"] == anna.answer["last"] + 1
        anna.says()
    assert str(anna.text) == str(guest.text) == str(Page(Insider(conference, "Late")).text)
    assert {f"{who}{number}" for who in "ag" for number in range(5)} == {*str(anna.text).split()}
    assert SharedUpdate.objects.count() < 5
    shared = Insider(conference, "Later").answer["shared"]
    assert shared == {"notes": anna.answer["last"]}
    other = running(password="", confid="o", e164="8800043", shortnum="00043")
    assert str(Page(Insider(other, "Eve")).text) == ""


def test_an_update_that_came_twice_or_was_sent_again_changes_nothing(
    conference: Conference,
) -> None:
    anna = Page(Insider(conference, "", someone("anna")))
    anna.text += "once"
    update = b64encode(anna.unsent[-1]).decode()
    for _ in range(2):
        anna.says(act="write", update=update)
    assert str(Page(Insider(conference, "Gus")).text) == "once"


def test_whoever_leads_clears_the_notes_and_lets_others_only_read(conference: Conference) -> None:
    anna = Page(Insider(conference, "", someone("anna")))
    guest = Page(Insider(conference, "Gus"))
    anna.writes("secret")
    for act in ("clear", "read_only"):
        assert guest.says(act=act, value="1") == {"refused": "not_allowed"}
    assert anna.says(act="read_only", value="1")["may_write"]
    assert guest.writes("x") == {"refused": "read_only"}
    assert not guest.says()["may_write"]
    anna.says(act="clear")
    anna.says(act="read_only", value="0")
    assert guest.writes("y") == {"refused": "cleared"}
    guest.says()
    guest.writes("new")
    assert str(Page(Insider(conference, "Late")).text) == str(guest.text) == "new"


def test_a_fault_in_the_form_is_refused_by_the_name_of_its_field(
    conference: Conference, monkeypatch: pytest.MonkeyPatch
) -> None:
    guest = Page(Insider(conference, "Gus"))
    large = b64encode(bytes(shared_documents.MAX_UPDATE + 3)).decode()
    for update in ("", "%", "AA=", large, b64encode(b"\x01\x01").decode()):
        assert guest.says(act="write", update=update)["why"].startswith("update: "), update[:9]
    assert guest.says(document="other")["why"] == "document: must be notes or board"
    assert guest.says(act="other")["why"].startswith("act: ")
    assert guest.writes("x" * 60)["last"] == 1
    monkeypatch.setattr(shared_documents, "MAX_DOCUMENT", 100)
    assert guest.writes("y" * 60)["refused"] == "full"
    monkeypatch.setitem(visitor_rates.MOST_OF_VISITOR, "draw", 1)
    assert guest.writes("z") == {"refused": "rate"}


def test_nobody_reads_or_writes_without_a_pass_or_after_a_removal(
    conference: Conference, monkeypatch: pytest.MonkeyPatch
) -> None:
    guest = Page(Insider(conference, "Gus"))
    guest.writes("mine")
    monkeypatch.setattr("conferences.pages.entrance.is_kept_out", lambda *about: True)
    for form in ({}, {"act": "write", "update": "AA=="}, {"act": "clear"}):
        assert guest.says(**form) == {"refused": "pass"}
    monkeypatch.undo()
    other = Insider(running(password="", confid="o", e164="8800043", shortnum="00043"), "Eve")
    for badge in ("", other.answer["pass"]):
        assert guest.says(**{"pass": badge}) == {"refused": "pass"}
    assert SharedUpdate.objects.count() == 1
