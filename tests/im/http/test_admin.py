"""Operators' pages of instant messaging."""

from __future__ import annotations

import re

from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME

from domains.models import Account
from foundation import clock
from im.data import presence_store
from im.models import Conversation, Revocation
from tests.im.http.town import Someone
from tests.web_clients import Browser


def operator() -> Browser:
    """Return the operator's browser."""
    client = Browser()
    client.force_login(Account.objects.get(username="admin"))
    return client


def act(client: Browser, model: str, action: str, pk: object, *, sure: bool = True) -> str:
    """Choose an action for one row; what the page says then."""
    form = {"action": action, ACTION_CHECKBOX_NAME: str(pk), **({"confirmed": "1"} if sure else {})}
    return client.post(f"/admin/im/{model}/", form, follow=True).content.decode()


def test_an_operator_sees_who_talks_and_not_what(anna: Someone, ben: Someone) -> None:
    number = anna.founds(ben)
    anna.says(number, "between ourselves")
    client = operator()
    pages = [
        client.get("/admin/im/conversation/"),
        client.get(f"/admin/im/conversation/{number}/change/"),
    ]
    text = "".join(page.content.decode() for page in pages)
    assert [page.status_code for page in pages] == [200, 200]
    assert "Hikers" in text
    assert "between ourselves" not in text


def test_a_closed_conversation_takes_nothing_until_it_is_open_again(
    anna: Someone, ben: Someone
) -> None:
    number = anna.founds(ben)
    client = operator()
    act(client, "conversation", "close", number, sure=False)
    assert anna.says(number, "still here")
    act(client, "conversation", "close", number)
    assert Conversation.objects.get(pk=number).closed
    assert anna.says(number, "nobody hears") == 0
    assert anna.log(number)[-1]["data"]["what"] == "dissolved"
    act(client, "conversation", "reopen", number)
    assert anna.says(number, "again")


def test_conversations_are_found_by_number_and_name(anna: Someone, ben: Someone) -> None:
    number, other = anna.founds(ben), anna.founds(ben, name="Bakers")
    client = operator()
    for term, shown, hidden in ((number, number, other), ("Bak", other, number)):
        text = client.get(f"/admin/im/conversation/?q={term}").content.decode()
        assert f"/{shown}/change/" in text
        assert f"/{hidden}/change/" not in text


def test_a_tenants_administrator_sees_the_own_people_only(anna: Someone, zoe: Someone) -> None:
    number = zoe.founds()
    Account.objects.filter(pk=anna.account.pk).update(is_staff=True)
    client = Browser()
    client.force_login(Account.objects.get(pk=anna.account.pk))
    assert client.get("/admin/im/conversation/").status_code == 200
    assert client.get(f"/admin/im/conversation/{number}/change/").status_code == 404
    now = clock.now().timestamp()
    presence_store.record_device(zoe.id, "d", "a", now)
    presence_store.record_device(anna.id, "d", "a", now)
    text = client.get("/admin/im/listener/").content.decode()
    assert "anna" in text
    assert not re.search(r"\bzoe\b", text)  # The page has random tokens, too.
    assert client.get("/admin/im/balanceserver/").status_code == 403


def test_who_is_online_is_signed_out_everywhere(anna: Someone, ben: Someone) -> None:
    presence_store.record_device(ben.id, "d", "m", clock.now().timestamp())
    client = operator()
    text = client.get("/admin/im/listener/").content.decode()
    assert "MQTT" in text
    assert ben.get("conversations").status == 200
    act(client, "listener", "sign_out", ben.account.pk)
    assert Revocation.objects.get().user == ben.id
