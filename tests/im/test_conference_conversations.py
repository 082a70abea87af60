"""Each conference that runs has a conversation of its people."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from conferences.data import row_mapper
from conferences.rules.states import Conference, ConferenceState, EndReason
from domains.management.commands.load_demo import DEMO_TENANT
from foundation import clock
from foundation.cells import sql
from foundation.cells.directory import own_platform
from im.flows import conferences
from im.models import Conversation, Member
from tests.admin.conftest import conference_row
from tests.im.http.town import Someone, other_tenant, someone
from tests.web_clients import Browser
from wire.fields import Terminal

CALLED = (Terminal(mtid="1", account="ben", name="Ben", online=0),)


@pytest.fixture(autouse=True)
def _fresh_process() -> None:
    conferences._revisions.clear()


def running(**more: Any) -> Conference:
    """Return Anna's conference, to which Ben is called."""
    anna = someone("anna")
    someone("ben")
    values = {"creator_moid": anna.id, "mts": CALLED, **more}
    return conference_row(own_platform(), **values)


def becomes(before: Conference, **changes: Any) -> Conference:
    """Store the conference with these changes, and return it."""
    after = msgspec.structs.replace(before, revision=before.revision + 1, **changes)
    row = [row_mapper.to_row(after)]
    sql.insert(
        "default", "conferences_conference", row_mapper.COLUMNS, row, update=row_mapper.COLUMNS
    )
    return after


def names_in(confid: str) -> dict[str, str]:
    """Return the members of a conference's conversation, by name, with their roles."""
    members = Member.objects.filter(conversation__confid=confid)
    return {member.name: member.role for member in members}


def follow() -> None:
    """Follow the conferences, as the timer does."""
    conferences.follow_conferences(own_platform())


def test_a_conference_that_runs_has_a_conversation_of_its_people(platform: str) -> None:
    conference = running()
    follow()
    conversation = Conversation.objects.get(confid=conference.confid)
    assert (conversation.kind, conversation.name, conversation.domain) == (
        "conference",
        conference.name,
        DEMO_TENANT,
    )
    assert sorted(names_in(conference.confid).values()) == ["member", "owner"]
    assert conversation.members == 2


def test_whoever_has_the_number_of_a_guests_terminal_as_a_name_is_not_in_it(platform: str) -> None:
    someone("7")
    guest = Terminal(mtid="7", account="7", name="Visitor", online=1)
    conference = running(mts=(*CALLED, guest))
    follow()
    assert "7" not in names_in(conference.confid)
    assert len(names_in(conference.confid)) == 2


def test_once_more_changes_nothing(platform: str) -> None:
    conference = running()
    follow()
    before = Conversation.objects.values().get()
    follow()
    conferences._revisions.clear()
    follow()
    assert Conversation.objects.values().get() == before
    assert len(names_in(conference.confid)) == 2


def test_who_comes_later_sees_what_is_said_from_then_on(platform: str) -> None:
    conference = running()
    follow()
    anna, cara = someone("anna"), someone("cara")
    number = str(Conversation.objects.get().pk)
    anna.says(number, "before")
    terminals = (Terminal(mtid="2", account="cara", name="C", online=1),)
    becomes(conference, mts=(*CALLED, *terminals))
    follow()
    assert len(names_in(conference.confid)) == 3
    anna.says(number, "after")
    bodies = [e["data"].get("body") for e in cara.log(number) if e["cmd"] == "msg"]
    assert bodies == ["after"]


def test_people_of_other_tenants_are_not_in_it(platform: str) -> None:
    other_tenant()
    someone("zoe", "10000000-0000-4000-8000-000000000002")
    terminals = (Terminal(mtid="2", account="zoe", name="Z", online=1),)
    conference = running(mts=(*CALLED, *terminals))
    follow()
    assert len(names_in(conference.confid)) == 2


def test_who_enters_with_his_account_is_in_it(platform: str) -> None:
    conference = running(password="")
    follow()
    cara: Someone = someone("cara")
    browser = Browser()
    browser.force_login(cara.account)
    reply = browser.get(f"/join/{conference.e164}/where")
    assert reply.status_code == 200, reply.content
    follow()
    assert Member.objects.filter(conversation__confid=conference.confid, user=cara.id).exists()


def test_it_is_called_like_the_conference(platform: str) -> None:
    conference = running()
    follow()
    becomes(conference, name="Another name")
    follow()
    assert Conversation.objects.get().name == "Another name"


def test_when_the_conference_has_ended_it_is_closed_and_what_was_said_stays(platform: str) -> None:
    conference = running()
    follow()
    anna = someone("anna")
    number = str(Conversation.objects.get().pk)
    anna.says(number, "goodbye")
    becomes(
        conference,
        state=ConferenceState.ENDED,
        ended_at=clock.now(),
        end_reason=EndReason.RELEASED,
        unit=None,
    )
    follow()
    assert Conversation.objects.get().closed
    assert anna.says(number, "anybody?") == 0
    assert "goodbye" in [e["data"].get("body") for e in anna.log(number)]


def test_one_that_waits_to_be_restored_keeps_it_open(platform: str) -> None:
    conference = running()
    follow()
    becomes(conference, state=ConferenceState.PENDING_RESTORE, pending_since=clock.now())
    follow()
    assert not Conversation.objects.get().closed
