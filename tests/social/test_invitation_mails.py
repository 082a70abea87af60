"""People who are invited to a booked conference get each mail once, in order, also after the mail server was away."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from pytest_django import Settings

from conferences.models import InvitedAccount, Occurrence, Reservation
from domains.management.commands.load_demo import DEMO_TENANT
from domains.models import Account
from foundation import clock
from foundation.bus.dispatch import handle_for_platform
from foundation.cells.directory import own_platform, redis_of
from foundation.web.health import GAUGES
from social.data import mail_health
from social.flows.texts import TRIES, send_due_texts
from social.models import OutgoingText
from tests.integration.conftest import delivery
from tests.social.post_office import PostOffice, calendar_of, text_of

PIN = "pin4711"
START = (datetime.now(UTC) + timedelta(days=40)).replace(hour=9, minute=0, second=0, microsecond=0)
GUESTS = [
    {"email": "gus@example.org", "name": "Gus"},
    {"email": "mei@example.org", "name": "Mei", "language": "zh-hans"},
    {"email": "ben@example.org"},
]


@pytest.fixture
def post_office(platform: str, settings: Settings) -> PostOffice:
    """Return a mail server that is away, to which this site sends its mails."""
    office = PostOffice()
    redis_of(platform).delete("social:sending:mails")
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", office.port
    settings.DEFAULT_FROM_EMAIL = "Meetings <noreply@example.org>"
    settings.INVITATION_MAILS, settings.DIAL_IN = True, "+49 30 1234"
    return office


def _ask(platform: str, kind: str, **fields: Any) -> Reservation:
    """Let Anna book, change or cancel the conference."""
    body = {"type": f"CM_MAU_{kind}BOOKCONF_REQ", "reqid": uuid4().hex}
    request = delivery({**body, "moid": DEMO_TENANT, **fields})
    handle_for_platform(platform, [request], publish_inline=True)
    return Reservation.objects.get()


def _book(platform: str, **fields: Any) -> Reservation:
    anna = Account.objects.get(username="anna")
    creator = {"moid": anna.moid, "name": "anna"}
    start = {"starttime": START.isoformat(), "timezone": "Europe/Berlin"}
    usual = {"confname": "Choir", "confpwd": PIN, "repeat": "FREQ=WEEKLY;COUNT=4", "guests": GUESTS}
    return _ask(platform, "ADD", **{**usual, **start, "creator": creator, **fields})


def _as_if_later() -> None:
    """Let the next try of all mails that wait be due, and the server have rested."""
    redis_of(own_platform()).delete("social:sending:mails")
    OutgoingText.objects.filter(due_at__isnull=False).update(due_at=clock.now())


def test_each_mail_arrives_once_and_in_order_after_the_server_was_away(
    platform: str, post_office: PostOffice, caplog: pytest.LogCaptureFixture
) -> None:
    Account.objects.filter(username="anna").update(email="anna@example.org", first_name="Anna")
    Account.objects.filter(username="ben").update(email="ben.b@example.org")
    members = [{"account": "ben", "name": "ben", "type": "user"}]
    reservation = _book(platform, mts=members, language="en")
    assert OutgoingText.objects.count() == 4
    assert send_due_texts(platform) == 0
    assert [row.tries for row in OutgoingText.objects.order_by("pk")] == [1, 0, 0, 0], "it rests"
    second = START + timedelta(weeks=1)
    later = (second + timedelta(hours=3)).isoformat()
    moved = {"bookid": reservation.bookid, "occurrence": second.isoformat()}
    _ask(platform, "MDF", **moved, starttime=later)
    with post_office.open():
        _as_if_later()
        assert send_due_texts(platform) == 8
        assert send_due_texts(platform) == 0, "each was sent once"
        third = (START + timedelta(weeks=2)).isoformat()
        _ask(platform, "DEL", bookid=reservation.bookid, occurrence=third)
        _ask(platform, "DEL", bookid=reservation.bookid)
        assert send_due_texts(platform) == 8

    for address in ("gus@example.org", "mei@example.org", "ben@example.org", "ben.b@example.org"):
        mails = post_office.to(address)
        events = [calendar_of(mail).walk("VEVENT")[-1] for mail in mails]
        assert [calendar_of(mail)["METHOD"] for mail in mails] == [
            "REQUEST",
            "REQUEST",
            "CANCEL",
            "CANCEL",
        ]
        assert [int(event["SEQUENCE"]) for event in events] == [0, 1, 2, 3]
        assert len({str(event["UID"]) for event in events}) == 1
        assert len({mail["Message-ID"] for mail in mails}) == 4
    first = post_office.to("gus@example.org")[0]
    assert (first["Subject"], first["Reply-To"]) == ("Invitation: Choir", "anna@example.org")
    for words in (f"/join/{reservation.e164}/?t=", f"PIN: {PIN}", "+49 30 1234", "Anna invites"):
        assert words in text_of(first)
    assert post_office.to("mei@example.org")[0]["Subject"] == "邀请:Choir"
    assert PIN not in caplog.text
    assert not OutgoingText.objects.exclude(text="", calendar="").exists()
    assert not InvitedAccount.objects.exclude(account=Account.objects.get(username="ben").moid)


def test_an_update_follows_when_a_mail_was_given_up_and_doctor_says_so(
    platform: str, post_office: PostOffice
) -> None:
    assert mail_health.gauges in GAUGES
    bookid = _book(platform, guests=GUESTS[:1], repeat="").bookid
    assert mail_health.findings()[0].is_ok
    OutgoingText.objects.update(tries=TRIES - 1, created_at=clock.now() - timedelta(hours=4))
    assert send_due_texts(platform) == 0
    (row,) = OutgoingText.objects.all()
    assert (row.due_at, row.text, row.calendar) == (None, "", "")
    (finding,) = mail_health.findings()
    assert "1 were given up (ConnectionRefusedError" in finding.wrong
    assert [metric.samples[0].value for metric in mail_health.gauges()] == [0, 1]
    _as_if_later()
    with post_office.open():
        _ask(platform, "DEL", bookid=bookid)
        assert send_due_texts(platform) == 1


def test_a_mail_that_is_refused_for_good_is_not_tried_again_and_holds_up_no_other(
    platform: str, post_office: PostOffice
) -> None:
    post_office.refusals = {
        "gus@example.org": "550 no such mailbox",
        "mei@example.org": "450 mailbox busy",
    }
    _book(platform, repeat="")
    with post_office.open():
        assert send_due_texts(platform) == 1
        post_office.refusals.clear()
        _as_if_later()
        assert send_due_texts(platform) == 1
    given_up = OutgoingText.objects.get(sent_at=None)
    assert (given_up.to, given_up.tries, given_up.text) == ("gus@example.org", 1, "")
    assert "550" in given_up.error
    assert post_office.to("mei@example.org")


def test_a_server_that_refuses_the_sites_own_address_loses_no_mail(
    platform: str, post_office: PostOffice
) -> None:
    _book(platform, repeat="")
    post_office.sender_refusal = "530 authentication required"
    with post_office.open():
        assert send_due_texts(platform) == 0
        assert [row.tries for row in OutgoingText.objects.order_by("pk")] == [1, 0, 0], "it rests"
        post_office.sender_refusal = ""
        _as_if_later()
        assert send_due_texts(platform) == 3


def test_one_process_of_a_site_sends_at_a_time(platform: str, post_office: PostOffice) -> None:
    _book(platform, repeat="")
    assert redis_of(own_platform()).set("social:sending:mails", 1, ex=60)
    with post_office.open():
        assert send_due_texts(platform) == 0
        _as_if_later()
        assert send_due_texts(platform) == 3


def test_nobody_sends_more_mails_in_an_hour_than_allowed_and_none_without_a_server(
    platform: str, post_office: PostOffice, settings: Settings
) -> None:
    settings.INVITATION_MAILS_AN_HOUR = 4
    reservation = _book(platform)
    _ask(platform, "MDF", bookid=reservation.bookid, confname="Other")
    assert Reservation.objects.get().name == "Choir", "it was refused: 3 more would be too many"
    settings.INVITATION_MAILS = False
    _ask(platform, "MDF", bookid=reservation.bookid, confname="Other")
    assert Reservation.objects.get().name == "Other"
    assert OutgoingText.objects.count() == 3
    assert Occurrence.objects.filter(state="planned").count() == 4
