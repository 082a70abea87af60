"""Broadcasts by administrators."""

from __future__ import annotations

from typing import Any

from domains.management.commands.load_demo import DEMO_TENANT
from domains.models import Account, UserDomain
from foundation import clock
from im.data import presence_store
from im.models import Broadcast
from im.rules.topology import mqtt_key, user_key
from tests.im.http.town import Someone, pushed
from tests.web_clients import Browser


def admin() -> Browser:
    """Return the operator's browser."""
    client = Browser()
    client.force_login(Account.objects.get(username="admin"))
    return client


def send_broadcast(client: Browser, domain: str, text: str, **more: Any) -> int:
    """Fill in the form and send it; return the status of the answer."""
    form = {"domain": domain, "text": text, "sure": "on", **more}
    return client.post("/admin/im/broadcast/add/", form).status_code


def test_people_of_the_domain_who_are_online_get_it_at_once_others_later(
    anna: Someone, ben: Someone, cara: Someone, zoe: Someone
) -> None:
    now = clock.now().timestamp()
    presence_store.record_device(anna.id, "d1", "a", now)
    presence_store.record_device(ben.id, "d2", "m", now)
    presence_store.record_device(zoe.id, "d3", "a", now)
    assert send_broadcast(admin(), DEMO_TENANT, "Maintenance at noon") == 302
    ((key, message, more),) = pushed()
    assert {key, *more} == {user_key(anna.id), mqtt_key(ben.id)}
    assert (message["cmd"], message["data"]["text"]) == ("broadcast", "Maintenance at noon")
    (broadcast,) = cara.get("broadcasts")["broadcasts"]
    assert broadcast == message["data"]
    assert cara.get(f"broadcasts?after={broadcast['id']}")["broadcasts"] == []
    assert zoe.get("broadcasts")["broadcasts"] == []


def test_what_is_told_to_a_domain_above_reaches_all_below(anna: Someone, zoe: Someone) -> None:
    parent = UserDomain.objects.get(pk=DEMO_TENANT).parent_id
    assert send_broadcast(admin(), str(parent), "To all") == 302
    assert [broadcast["text"] for broadcast in anna.get("broadcasts")["broadcasts"]] == ["To all"]
    assert [broadcast["text"] for broadcast in zoe.get("broadcasts")["broadcasts"]] == ["To all"]


def test_nothing_is_told_unless_the_administrator_is_sure(anna: Someone) -> None:
    assert send_broadcast(admin(), DEMO_TENANT, "Oops", sure="") == 200
    assert not Broadcast.objects.exists()
    assert pushed() == []


def test_a_tenants_administrator_tells_his_own_people_only(anna: Someone, zoe: Someone) -> None:
    Account.objects.filter(pk=anna.account.pk).update(is_staff=True)
    client = Browser()
    client.force_login(Account.objects.get(pk=anna.account.pk))
    assert send_broadcast(client, str(zoe.account.domain_id), "Hello") == 200
    assert not Broadcast.objects.exists()
    assert send_broadcast(client, DEMO_TENANT, "Hello") == 302
    broadcast = Broadcast.objects.get()
    assert (broadcast.text, broadcast.by) == ("Hello", "anna")
