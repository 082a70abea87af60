"""Booked conferences on their own page: who sees what, in which time, and that nothing foreign is touched."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from conferences.api import booking_commands
from conferences.models import Occurrence, Reservation, ResourceUnit
from conferences.pages import my_bookings
from domains.management.commands.load_demo import DEMO_TENANT
from domains.models import Account
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


def test_a_time_that_is_none_is_refused_in_words(hers: Browser) -> None:
    form = {"name": "x", "day": "soon", "time": "09:00", "zone": "UTC", "duration": "60", "places": "8"}  # fmt: skip
    hers.post(f"{BOOKINGS}book", form)
    assert "Choose another." in _page(hers)
    hers.post(f"{BOOKINGS}book", {**form, "day": str(DAY), "zone": "Mars"})
    assert "time zone is not known" in _page(hers)
    assert not Reservation.objects.exists()
