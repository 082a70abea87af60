"""Booked conferences on their own page: who sees what, in which time, and that nothing foreign is touched."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import icalendar
import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext

from conferences.api import booking_commands
from conferences.data import join_links
from conferences.models import InvitedAccount, Occurrence, Reservation, ResourceUnit
from conferences.pages import my_bookings
from domains.management.commands.load_demo import DEMO_TENANT
from domains.models import Account, SignInName
from foundation.bus.dispatch import handle_for_platform
from tests.integration.conftest import delivery
from tests.web_clients import Browser

BOOKINGS = "/console/bookings/"
DAY = (datetime.now(UTC) + timedelta(days=40)).date()


@pytest.fixture
def hers(platform: str, client: Browser) -> Browser:
    """Return a browser in which anna has signed in."""
    client.force_login(Account.objects.get(username="anna"))
    return client


def _book(platform: str, **fields: object) -> Reservation:
    """Let anna book a conference."""
    anna = Account.objects.get(username="anna")
    body = {"type": "CM_MAU_ADDBOOKCONF_REQ", "reqid": "b", "moid": DEMO_TENANT, "confname": "Board <1>"}  # fmt: skip
    start = {"starttime": f"{DAY}T09:00:00+08:00", "timezone": "Asia/Shanghai"}
    creator = {"creator": {"moid": anna.moid, "name": "anna"}}
    handle_for_platform(
        platform, [delivery({**body, **start, **creator, **fields})], publish_inline=True
    )
    return Reservation.objects.get()


def _page(browser: Browser, language: str = "en") -> str:
    return browser.get(BOOKINGS, headers={"Accept-Language": language}).content.decode()


def test_a_stranger_is_asked_to_sign_in(platform: str, client: Browser) -> None:
    for path in (BOOKINGS, f"{BOOKINGS}book", f"{BOOKINGS}x/cancel"):
        assert client.get(path)["Location"].startswith("/accounts/login/?next=")


def test_a_person_sees_own_dates_in_the_time_of_their_zone_and_nobody_elses(
    hers: Browser, platform: str
) -> None:
    assert "Nothing is booked" in _page(hers)
    reservation = _book(platform, repeat="FREQ=DAILY;COUNT=3")
    page = _page(hers)
    assert page.count("Board &lt;1&gt;</h3>") == 3
    assert reservation.e164 in page
    assert 'value="09:00"' in page
    assert "Cancel all dates" in page
    assert "取消所有日期" in _page(hers, "zh-hans")
    ben = Browser()
    ben.force_login(Account.objects.get(username="ben"))
    assert "Nothing is booked" in _page(ben)
    ben.post(f"{BOOKINGS}{reservation.bookid}/cancel", {"all": "1"})
    assert "Only who booked it" in _page(ben)
    assert Occurrence.objects.filter(state="planned").count() == 3


def test_all_dates_move_to_the_time_that_the_form_of_one_gives(platform: str) -> None:
    anna = Account.objects.get(username="anna")
    bookid = _book(platform, repeat="FREQ=DAILY;COUNT=3").bookid
    second = Occurrence.objects.order_by("starts_at")[1].starts_at
    day = f"{second.astimezone(ZoneInfo('Asia/Shanghai')):%Y-%m-%d}"
    form = {"name": "Board", "duration": "30", "places": "8", "all": "1", "day": day}
    form |= {"shown": f"{day} 09:00", "occurrence": second.isoformat()}
    for time, hour in (("09:00", "01:00"), ("14:30", "06:30")):
        reservation = booking_commands.find_reservation(bookid, anna)
        params = my_bookings.changes_of(reservation, {**form, "time": time})
        body = {"type": "CM_MAU_MDFBOOKCONF_REQ", "reqid": time, "moid": DEMO_TENANT}
        start = {"starttime": params["start_time"]} if "start_time" in params else {}
        handle_for_platform(
            platform,
            [delivery({**body, "bookid": bookid, "duration": 30, **start})],
            publish_inline=True,
        )
        rows = Occurrence.objects.filter(state="planned")
        assert [f"{row.starts_at:%H:%M}" for row in rows] == [hour] * 3
        assert all(row.ends_at - row.starts_at == timedelta(minutes=30) for row in rows)


def test_the_coming_week_shows_what_is_booked_against_what_there_is(
    hers: Browser, platform: str
) -> None:
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).date()
    _book(platform, starttime=f"{tomorrow}T10:15:00+00:00", duration=90, maxjoinedmt=32)
    page = hers.get(f"{BOOKINGS}week?zone=UTC", headers={"Accept-Language": "en"}).content.decode()
    assert "No media unit is known" in page
    assert "most at 10:00: 32 places" in page
    assert page.count('<rect class="own" x=') == 2
    unit = {"restype": "mcu", "ip": "192.0.2.9", "platform": platform, "online": True}
    ResourceUnit.objects.create(**unit, capacity={"ports": 100}, registered_at=datetime.now(UTC))
    ben = Browser()
    ben.force_login(Account.objects.get(username="ben"))
    shown = ben.get(f"{BOOKINGS}week?zone=UTC", headers={"Accept-Language": "zh-hans"})
    assert "100" in shown.content.decode()
    assert "68" in shown.content.decode(), "what is left at 10:00"


def test_a_link_of_a_booking_admits_to_all_its_dates_and_waits_for_the_start(
    platform: str, client: Browser
) -> None:
    reservation = _book(platform, confpwd="secret")
    path = f"/join/{reservation.e164}/"
    token = join_links.token_for(reservation.bookid)
    assert client.get(path).status_code == 403
    assert client.get(f"{path}where?t={token[:-1]}").status_code == 403
    assert "Board &lt;1&gt;" in client.get(f"{path}?t={token}").content.decode()
    where = f"{path}where?entering=1&t={token}"
    assert client.get(where).json() == {"state": "planned", "password": "wanted"}
    assert client.post(where, {"password": "secret"}).json()["state"] == "planned"


def _feed_of(browser: Browser) -> str:
    """Make a new address of somebody's calendar, and return it as the page shows it."""
    browser.post(f"{BOOKINGS}calendar")
    shown = re.search(r'id="feed" value="([^"]+)"', _page(browser))
    assert shown
    return shown[1].removeprefix(settings.PUBLIC_URL)


def test_a_calendar_shows_what_one_books_and_is_invited_to_to_whoever_has_its_address(
    hers: Browser, platform: str
) -> None:
    ben = Account.objects.get(username="ben")
    Account.objects.filter(pk=ben.pk).update(email="ben@example.org")
    SignInName.objects.create(name="ben@example.org", account=ben)
    his, anybody = Browser(), Browser()
    his.force_login(ben)
    guests = [{"email": "Ben@example.org", "name": "Ben"}, {"email": "gus@example.org"}]
    bookid = _book(platform, repeat="FREQ=DAILY;COUNT=3", guests=guests).bookid
    assert "Ben &lt;Ben@example.org&gt;, gus@example.org" in (page := _page(hers))
    assert "This site sends no mail" in page

    for browser in (hers, his):
        feed = anybody.get(_feed_of(browser))
        assert feed["Content-Type"] == "text/calendar; charset=utf-8"
        (event,) = icalendar.Calendar.from_ical(feed.content).walk("VEVENT")
        assert (str(event["SUMMARY"]), "ATTENDEE" in event) == ("Board <1>", False)
    address, seen = _feed_of(his), {"If-None-Match": ""}
    seen["If-None-Match"] = anybody.get(address)["ETag"]
    with CaptureQueriesContext(connection) as queries:
        assert anybody.get(address, headers=seen).status_code == 304
    assert len(queries) == 2
    change = {"type": "CM_MAU_MDFBOOKCONF_REQ", "reqid": "g", "moid": DEMO_TENANT}
    request = delivery({**change, "bookid": bookid, "guests": []})
    handle_for_platform(platform, [request], publish_inline=True)
    assert b"VEVENT" not in anybody.get(address, headers=seen).content
    assert _feed_of(his) != address
    assert anybody.get(address).status_code == 404
    address = _feed_of(his)
    his.post(f"{BOOKINGS}calendar", {"off": "1"})
    assert anybody.get(address).status_code == 404
    assert anybody.get("/calendar/meetings.ics?t=x:y").status_code == 404


def test_a_guest_without_an_address_is_refused_in_words(hers: Browser) -> None:
    form = {"name": "x", "day": str(DAY), "time": "09:00", "zone": "UTC", "duration": "60", "places": "8"}  # fmt: skip
    for wrong in ("Gus <gus>", "a@example.org, nobody", "a@example.org\nBcc: b@example.org"):
        page = _refused(hers, {**form, "guests": wrong})
        assert "One of the guests is no e-mail address" in page


def test_a_month_shows_day_by_day_what_is_booked_and_to_what_one_is_invited(
    hers: Browser, platform: str
) -> None:
    reservation = _book(platform, duration=60)
    ben = Browser()
    ben.force_login(account := Account.objects.get(username="ben"))
    month = f"{BOOKINGS}month?month={DAY:%Y-%m}&zone=Asia/Shanghai"
    assert "Board" not in ben.get(month).content.decode()
    InvitedAccount.objects.get_or_create(account=account.moid, bookid=reservation.bookid)
    for browser in (hers, ben):
        page = browser.get(month, headers={"Accept-Language": "en"}).content.decode()
        assert f'href="#day-{DAY:%d}"' in page
        assert f'id="day-{DAY:%d}"' in page
        assert "<span>09:00–10:00</span><span>Board &lt;1&gt;</span>" in page
    later = hers.get(f"{BOOKINGS}month?month={DAY.year + 1}-01", headers={"Accept-Language": "zh"})
    assert "本月没有预约" in later.content.decode()
    for wrong in ("9999-12", "0001-01", "soon"):
        assert hers.get(f"{BOOKINGS}month?month={wrong}").status_code == 200


def test_a_refused_form_says_why_and_stays_filled_in(hers: Browser) -> None:
    form = {"name": "Choir <2>", "day": "soon", "time": "09:30", "zone": "UTC", "duration": "120"}
    form |= {"places": "32", "repeat": "weekly", "count": "7", "guests": "gus@example.org"}
    page = _refused(hers, form)
    assert "Choose another." in page
    for kept in ("Choir &lt;2&gt;", "09:30", "gus@example.org", 'value="7"'):
        assert kept in page
    for chosen in ('value="120" selected', 'value="weekly" selected', "<option selected>32"):
        assert chosen in page
    assert "time zone is not known" in _refused(hers, {**form, "day": str(DAY), "zone": "Mars"})
    assert not Reservation.objects.exists()
    assert hers.get(f"{BOOKINGS}book")["Location"] == BOOKINGS


def _refused(browser: Browser, form: dict[str, str]) -> str:
    """Send a form to book a conference that is refused, and return the page that answers."""
    return browser.post(f"{BOOKINGS}book", form, headers={"Accept-Language": "en"}).content.decode()
