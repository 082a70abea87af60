"""Contacts with labels, cards, the directory, address books, numbers and invitations."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings

from domains.flows import change
from domains.management.commands.load_demo import DEMO_TENANT
from domains.models import Account
from foundation import clock
from foundation.cells.directory import own_platform
from im.data import presence_store
from im.flows import presence
from social.flows.texts import TRIES, send_due_texts
from social.models import BookEntry, Invitation, OutgoingText, Profile
from tests.im.http.town import pushed
from tests.social.people.town import Neighbour, neighbour
from tests.web_clients import Browser

ANNA, BEN = "+8613800138001", "+8613800138002"


@pytest.fixture
def texts(settings: LazySettings, tmp_path: Path) -> Path:
    """Return the file to which text messages are written."""
    settings.SMS_FILE = str(tmp_path / "sms.txt")
    return tmp_path / "sms.txt"


def fields(answer: Any) -> dict[str, str]:
    """Return the fields of a card by name."""
    return {field["name"]: field["value"] for field in answer["entries"]}


def confirm(person: Neighbour, number: str, texts: Path) -> None:
    """Confirm a number by the code in the text message."""
    person.do("POST", "number", {"number": number})
    send_due_texts(own_platform())
    line = texts.read_text().splitlines()[-1]
    assert number in line
    code = re.findall(r"\b\d{6}\b", line)[-1]
    person.do("PUT", "number", {"number": number, "code": code})


# ---- contacts -----------------------------------------------------------------------------------


def test_labels_and_notes_are_for_their_owner_alone(
    anna: Neighbour, ben: Neighbour, cara: Neighbour
) -> None:
    anna.befriend(ben)
    label = anna.labels("family", ben)
    assert anna.labels("family") == label
    anna.patch(f"contacts/{ben.id}", {"note": "likes tea", "name": "Benny"})
    (shown,) = anna.ask("contacts")["contacts"]
    assert (shown["labels"], shown["note"], shown["name"]) == ([label], "likes tea", "Benny")
    (other,) = ben.ask("contacts")["contacts"]
    assert (other["labels"], other["note"]) == ([], "")
    assert ben.social("PATCH", f"labels/{label}", {"name": "x"}).status == 404
    assert anna.social("PATCH", f"labels/{label}", {"add": [cara.id]}).status == 404
    anna.do("DELETE", f"labels/{label}")
    assert anna.ask("labels")["labels"] == []
    assert anna.labels("family") != label


def test_presence_is_shown_by_label(anna: Neighbour, ben: Neighbour, cara: Neighbour) -> None:
    anna.befriend(ben, cara)
    label = anna.labels("work", ben)
    anna.do("PATCH", f"labels/{label}", {"shows_presence": False})
    presence.pending_notices(clock.now())
    presence_store.record_device(anna.id, "d", "a", clock.now().timestamp())
    assert ben.get("presence")["contacts"] == {anna.id: "offline"}
    assert cara.get("presence")["contacts"] == {anna.id: "online"}
    (notice,) = presence.pending_notices(clock.now())
    assert notice.users == (cara.id,)
    (seen,) = ben.ask("contacts")["contacts"]
    assert seen["presence"] == "offline"


# ---- cards --------------------------------------------------------------------------------------


def test_each_field_of_a_card_is_shown_to_whom_it_is_for(
    anna: Neighbour, ben: Neighbour, cara: Neighbour, zoe: Neighbour
) -> None:
    dora = neighbour("dora")
    anna.befriend(ben)
    anna.circle(cara)
    choices = {
        "note": "nobody",
        "email": "contacts",
        "title": "circle",
        "nickname": "tenant",
        "url": "everybody",
    }
    values = {"email": "anna@example.org", "url": "https://example.org/"}
    changed = [
        {"name": name, "value": values.get(name, name), "shown_to": choice}
        for name, choice in choices.items()
    ]
    anna.do("PATCH", "card", {"entries": changed})
    names = list(choices)
    for person, first in ((anna, 0), (ben, 1), (cara, 2), (dora, 3), (zoe, 4)):
        card = person.ask(f"people/{anna.id}/card")
        assert {*fields(card)} == {*names[first:]}, person.account.username
    assert "shown_to" not in str(ben.ask(f"people/{anna.id}/card").body)
    anna.patch(f"contacts/{ben.id}", {"state": "blocked"})
    assert ben.social("GET", f"people/{anna.id}/card").status == 404


def test_fields_that_are_not_as_they_may_be_are_named(anna: Neighbour) -> None:
    for name, value in (
        ("email", "no address"),
        ("birthday", "2026-13-01"),
        ("url", "javascript:alert(1)"),
        ("phone", "123"),
        ("nickname", "x" * 65),
        ("picture", "4"),
    ):
        refused = anna.social("PATCH", "card", {"entries": [{"name": name, "value": value}]})
        assert (refused.status, refused["description"].split(":")[0]) == (400, name)


def test_a_card_goes_out_and_comes_in_as_vcard(anna: Neighbour, ben: Neighbour) -> None:
    anna.befriend(ben)
    text = (
        "BEGIN:VCARD\r\nVERSION:4.0\r\nFN:Anna\r\nORG:Mill\\, east\r\nTEL;VALUE=uri:tel:+86138001380"
        "\r\n 01\r\nBDAY:19900401\r\nEND:VCARD\r\n"
    )
    anna.do("PUT", "card", {"vcard": text})
    assert fields(anna.ask("card")) == {
        "organisation": "Mill, east",
        "phone": ANNA,
        "birthday": "1990-04-01",
    }
    headers = {"Authorization": f"Bearer {ben.token}"}
    reply = ben.client.generic("GET", f"/api/v1/social/people/{anna.id}/card.vcf", headers=headers)
    assert reply["Content-Type"].startswith("text/vcard")
    assert f"TEL;VALUE=uri:tel:{ANNA}\r\n" in reply.content.decode()
    assert anna.social("PUT", "card", {"vcard": "nothing"}).status == 400


def test_a_picture_is_seen_by_those_who_see_the_field(
    anna: Neighbour, ben: Neighbour, zoe: Neighbour
) -> None:
    picture, other = anna.uploads(), anna.uploads()
    anna.do("PATCH", "card", {"entries": [{"name": "picture", "value": picture}]})
    assert (ben.fetches(picture), zoe.fetches(picture)) == (200, 404)
    anna.do("PATCH", "card", {"entries": [{"name": "picture", "value": other}]})
    assert (ben.fetches(picture), ben.fetches(other)) == (404, 200)
    foreign = [{"name": "picture", "value": anna.uploads()}]
    assert ben.social("PATCH", "card", {"entries": foreign}).status == 404


# ---- finding people -----------------------------------------------------------------------------


def test_the_directory_completes_names_of_the_own_tenant(
    anna: Neighbour, ben: Neighbour, zoe: Neighbour
) -> None:
    change.change(DEMO_TENANT, findable=False)
    neighbour("bernard")
    people = anna.ask("directory?q=be")["people"]
    assert [person["name"] for person in people] == ["ben", "bernard"]
    assert anna.ask("directory?q=b")["people"] == []
    assert anna.ask("directory?q=zoe")["people"] == []
    assert zoe.ask("directory?q=be")["people"] == []
    change.change(DEMO_TENANT, findable=True)
    assert [person["name"] for person in anna.ask("directory?q=zoe")["people"]] == ["zoe"]
    assert anna.ask("directory?q=zo")["people"] == []


@pytest.mark.parametrize(
    ("choice", "finds"), [("nobody", 0), ("circle", 1), ("tenant", 2), ("everybody", 3)]
)
def test_a_person_chooses_who_finds_them(
    anna: Neighbour, ben: Neighbour, cara: Neighbour, zoe: Neighbour, choice: str, finds: int
) -> None:
    anna.circle(cara)
    anna.do("PATCH", "privacy", {"found_by": choice})
    finding = [person.get("people?name=anna").status == 200 for person in (cara, ben, zoe)]
    assert finding == [index < finds for index in range(3)]
    asking = [person.post("contacts", {"user": anna.id}).status == 200 for person in (ben, zoe)]
    assert asking == finding[1:]


def test_people_are_suggested_with_the_reason(anna: Neighbour, ben: Neighbour) -> None:
    cara, dora, emil = neighbour("cara"), neighbour("dora"), neighbour("emil")
    anna.befriend(ben, cara)
    dora.befriend(ben, cara)
    anna.circle(emil)
    suggestions = {person["name"]: person for person in anna.ask("suggestions")["people"]}
    assert suggestions.keys() == {"dora", "emil"}
    assert (suggestions["dora"]["common_contacts"], suggestions["emil"]["circles"]) == (
        2,
        ["Choir"],
    )
    dora.do("PATCH", "privacy", {"suggested": False})
    assert [person["name"] for person in anna.ask("suggestions")["people"]] == ["emil"]


# ---- numbers ------------------------------------------------------------------------------------


def test_a_number_is_matched_when_it_is_mutual_or_chosen(
    anna: Neighbour, ben: Neighbour, texts: Path
) -> None:
    confirm(anna, ANNA, texts)
    confirm(ben, BEN, texts)
    book = {"numbers": ["138 0013 8002", "no number"], "region": "CN"}
    first = anna.do("POST", "address_book", book)
    assert (first["added"], first["invalid"], first["matches"]) == (1, 1, [])
    second = ben.do("POST", "address_book", {"numbers": [ANNA]})
    assert [(match["user_id"], match["number"]) for match in second["matches"]] == [(anna.id, ANNA)]
    assert [person["user_id"] for person in anna.ask("address_book")["people"]] == [ben.id]
    ben.do("DELETE", "address_book")
    assert anna.ask("address_book")["people"] == []
    ben.do("PATCH", "privacy", {"matching": "everybody"})
    assert [person["user_id"] for person in anna.ask("address_book")["people"]] == [ben.id]
    ben.patch(f"contacts/{anna.id}", {"state": "blocked"})
    assert anna.ask("address_book")["people"] == []
    assert not BookEntry.objects.filter(hmac__contains="138").exists()


def test_those_who_know_each_other_are_told_when_a_number_is_confirmed(
    anna: Neighbour, ben: Neighbour, texts: Path
) -> None:
    confirm(anna, ANNA, texts)
    anna.do("POST", "address_book", {"numbers": [BEN]})
    ben.do("POST", "address_book", {"numbers": [ANNA]})
    presence_store.record_device(anna.id, "d", "a", clock.now().timestamp())
    pushed()
    confirm(ben, BEN, texts)
    ((_key, body, _more),) = pushed()
    assert (body["cmd"], body["data"]["what"]) == ("number", "match")
    assert body["data"]["user_id"] == ben.id


def test_an_address_book_is_limited_by_day_and_deleting_gives_nothing_back(
    anna: Neighbour,
) -> None:
    numbers = [f"+86138{index:08d}" for index in range(2400)]
    assert anna.do("POST", "address_book", {"numbers": numbers[:2000]})["added"] == 2000
    more = anna.do("POST", "address_book", {"numbers": numbers[1000:2400]})
    assert (more["added"], more["left_out"], more["left_today"]) == (0, 400, 0)
    anna.do("DELETE", "address_book")
    assert anna.do("POST", "address_book", {"numbers": numbers[:10]})["added"] == 0
    yesterday = clock.now().date() - timedelta(days=1)
    Profile.objects.filter(pk=anna.id).update(book_started=yesterday, book_day=yesterday)
    assert anna.do("POST", "address_book", {"numbers": numbers[:300]})["added"] == 200


def test_codes_are_few_and_tries_are_counted(anna: Neighbour, texts: Path) -> None:
    anna.do("POST", "number", {"number": ANNA})
    for index in range(5):
        wrong = {"number": ANNA, "code": f"{index:06d}"}
        assert anna.social("PUT", "number", wrong).status == 403
    send_due_texts(own_platform())
    code = re.findall(r"\b\d{6}\b", texts.read_text())[-1]
    assert anna.social("PUT", "number", {"number": ANNA, "code": code}).status == 403
    for _ in range(4):
        anna.do("POST", "number", {"number": ANNA})
    assert anna.social("POST", "number", {"number": ANNA}).status == 429


def test_numbers_are_exchanged_by_both_or_by_nobody(
    anna: Neighbour, ben: Neighbour, cara: Neighbour
) -> None:
    for person, number in ((anna, ANNA), (ben, BEN)):
        hidden = {"name": "phone", "value": number, "shown_to": "nobody"}
        person.do("PATCH", "card", {"entries": [hidden]})
    assert anna.social("POST", f"people/{ben.id}/number", {}).status == 404, "not near"
    anna.circle(ben, cara)
    assert anna.social("POST", f"people/{cara.id}/number", {})["state"] == "asking"
    assert cara.social("PUT", f"people/{anna.id}/number", {}).status == 403, "has no number"
    assert anna.do("POST", f"people/{ben.id}/number")["state"] == "asking"
    assert fields(anna.ask(f"people/{ben.id}/card")) == {}
    assert ben.ask(f"people/{anna.id}/card")["exchange"] == "asked"
    assert ben.do("PUT", f"people/{anna.id}/number")["state"] == "agreed"
    assert fields(anna.ask(f"people/{ben.id}/card")) == {"phone": BEN}
    assert fields(ben.ask(f"people/{anna.id}/card")) == {"phone": ANNA}
    assert fields(cara.ask(f"people/{anna.id}/card")) == {}
    ben.do("DELETE", f"people/{anna.id}/number")
    for person, other in ((anna, ben), (ben, anna)):
        assert fields(person.ask(f"people/{other.id}/card")) == {}


# ---- invitations --------------------------------------------------------------------------------


def invited(anna: Neighbour, **more: Any) -> str:
    """Let anna invite somebody; return the code."""
    return str(anna.do("POST", "invitations", more)["code"])


def test_an_invitation_makes_contacts_once(
    anna: Neighbour, ben: Neighbour, cara: Neighbour
) -> None:
    circle = anna.circle()
    code = invited(anna, circle=int(circle))
    assert ben.do("POST", "invitations/accept", {"code": code})["person"]["user_id"] == anna.id
    assert cara.social("POST", "invitations/accept", {"code": code}).status == 404
    assert {contact["user_id"] for contact in anna.ask("contacts")["contacts"]} == {ben.id}
    assert ben.ask(f"circles/{circle}")["circle"]["state"] == "active"


def test_an_invitation_ends_after_seven_days_and_ten_a_day_are_made(
    anna: Neighbour, ben: Neighbour
) -> None:
    codes = [invited(anna) for _ in range(10)]
    assert anna.social("POST", "invitations", {}).status == 429
    Invitation.objects.update(expires_at=clock.now())
    assert ben.social("POST", "invitations/accept", {"code": codes[0]}).status == 404


def test_a_link_is_sent_with_a_fixed_text(
    anna: Neighbour, texts: Path, mailoutbox: list[Any]
) -> None:
    anna.do("POST", "invitations", {"to": BEN})
    assert send_due_texts(own_platform()) == 1
    assert send_due_texts(own_platform()) == 0
    assert f"{BEN}\tanna invites you" in texts.read_text()
    anna.do("POST", "invitations", {"to": "ben@example.org"})
    send_due_texts(own_platform())
    assert mailoutbox[0].to == ["ben@example.org"]
    assert anna.social("POST", "invitations", {"to": "nonsense"}).status == 400


def test_a_text_that_fails_is_tried_again_and_shown_to_administrators(
    anna: Neighbour, texts: Path, settings: LazySettings, client: Browser
) -> None:
    settings.SMS_SENDER = "tests.social.people.town.NoSender"
    anna.do("POST", "invitations", {"to": BEN})
    assert send_due_texts(own_platform()) == 0
    assert send_due_texts(own_platform()) == 0, "it waits for its next try"
    client.force_login(Account.objects.get(username="admin"))
    page = client.get("/admin/social/outgoingtext/").content.decode()
    assert "the gateway is away" in page
    row = OutgoingText.objects.get()
    assert row.text not in page
    assert (row.tries, row.sent_at) == (1, None)
    settings.SMS_SENDER = "social.data.senders.FileSender"
    OutgoingText.objects.update(due_at=clock.now(), tries=TRIES - 1)
    assert send_due_texts(own_platform()) == 1
    assert OutgoingText.objects.get().text == ""


def test_a_guest_registers_in_the_tenant_of_who_invites(anna: Neighbour) -> None:
    path = f"/people/invited/{invited(anna)}/"
    guest = Browser()
    assert "anna invites you" in guest.get(path).content.decode()
    weak = {"name": "Gus", "username": "gus", "password": "123"}
    assert guest.post(path, weak).status_code == 400
    good = {**weak, "password": "a long one of tests 7"}
    assert guest.post(path, good)["Location"] == f"/people/{anna.id}/"
    account = Account.objects.get(username="gus")
    assert account.domain_id == anna.account.domain_id
    assert {contact["user_id"] for contact in anna.ask("contacts")["contacts"]} == {account.moid}
    assert guest.get("/people/").status_code == 200, "the guest is signed in"
    assert Browser().get(path).status_code == 404, "the link is used up"
