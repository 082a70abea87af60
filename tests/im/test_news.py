"""What happens at a site is told to everybody online, or to operators, once."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from domains.management.commands.load_demo import DEMO_TENANT
from domains.models import Account
from foundation import clock
from foundation.bus.dispatch import handle_for_platform
from foundation.bus.models import Parked
from foundation.cells import sql
from foundation.cells.directory import store_of
from im.data import presence_store
from im.flows.site_news import publish_site_news
from tests.im.http.town import pushed
from tests.integration.conftest import delivery


def test_the_first_look_tells_nothing(platform: str) -> None:
    publish_site_news(platform)
    publish_site_news(platform)
    assert pushed() == []


def test_operators_hear_once_of_parked_messages(platform: str) -> None:
    publish_site_news(platform)
    Parked.objects.create(
        id=1, queue="q", reason="r", body=b"", properties={}, parked_at=timezone.now()
    )
    publish_site_news(platform)
    publish_site_news(platform)
    ((key, message, more),) = pushed()
    operators = set(Account.objects.filter(is_superuser=True).values_list("moid", flat=True))
    assert {key, *more} == {f"m_.{moid}" for moid in operators}
    assert (message["cmd"], message["data"]["what"]) == ("notice", "parked")
    assert message["data"]["text"].startswith("1 message")


def test_everybody_online_hears_that_another_site_serves(platform: str) -> None:
    publish_site_news(platform)
    sql.execute(store_of(platform).database, "UPDATE stores_cell SET epoch=epoch+1", [])
    publish_site_news(platform)
    told = pushed()
    assert (told[0][0], told[0][1]["cmd"]) == ("event", "event")
    assert told[1][0].startswith("m_.")
    assert {message["data"]["what"] for _, message, _ in told} == {"served"}


def test_who_booked_a_conference_hears_of_it_while_online(platform: str) -> None:
    anna = Account.objects.get(username="anna").moid
    start = (clock.now() + timedelta(days=1)).isoformat()
    body: dict[str, object] = {"type": "CM_MAU_ADDBOOKCONF_REQ", "confname": "Board"}
    body |= {"moid": DEMO_TENANT, "starttime": start, "creator": {"moid": anna, "name": "anna"}}
    handle_for_platform(platform, [delivery({**body, "reqid": "offline"})], publish_inline=True)
    assert pushed() == []
    presence_store.record_sign_in(anna, "am", clock.now().timestamp())
    handle_for_platform(platform, [delivery({**body, "reqid": "online"})], publish_inline=True)
    ((key, message, more),) = pushed()
    assert {key, *more} == {f"u_.{anna}", f"in.u{anna}"}
    assert message["cmd"] == "notice"
    told = {name: message["data"][name] for name in ("what", "change", "confname")}
    assert told == {"what": "booking", "change": "created", "confname": "Board"}
