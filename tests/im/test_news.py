"""What happens at a site is told to everybody online, or to operators, once."""

from __future__ import annotations

from django.utils import timezone

from domains.models import Account
from foundation.bus.models import Parked
from foundation.cells import sql
from foundation.cells.directory import store_of
from im.flows.site_news import tell_news
from tests.im.http.town import pushed


def test_the_first_look_tells_nothing(platform: str) -> None:
    tell_news(platform)
    tell_news(platform)
    assert pushed() == []


def test_operators_hear_once_of_parked_messages(platform: str) -> None:
    tell_news(platform)
    Parked.objects.create(
        id=1, queue="q", reason="r", body=b"", properties={}, parked_at=timezone.now()
    )
    tell_news(platform)
    tell_news(platform)
    ((key, message, more),) = pushed()
    operators = set(Account.objects.filter(is_superuser=True).values_list("moid", flat=True))
    assert {key, *more} == {f"m_.{moid}" for moid in operators}
    assert (message["cmd"], message["data"]["what"]) == ("notice", "parked")
    assert message["data"]["text"].startswith("1 message")


def test_everybody_online_hears_that_another_site_serves(platform: str) -> None:
    tell_news(platform)
    sql.execute(store_of(platform).database, "UPDATE stores_cell SET epoch=epoch+1", [])
    tell_news(platform)
    told = pushed()
    assert (told[0][0], told[0][1]["cmd"]) == ("event", "event")
    assert told[1][0].startswith("m_.")
    assert {message["data"]["what"] for _, message, _ in told} == {"served"}
