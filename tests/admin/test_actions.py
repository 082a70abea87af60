"""Actions ask first, call their flow, and leave an audit line."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from auditlog.models import LogEntry
from django.urls import reverse

from conferences.models import Conference as Row
from conferences.models import Number, ResourceUnit
from conferences.rules.states import Conference, ConferenceState
from domains.management.commands.load_demo import DEMO_TENANT
from domains.models import ApiKey, hash_secret
from foundation.bus.models import Outbox, Parked
from licensing.models import Quota
from tests.admin.conftest import PASSWORD, PIN, TOKEN, conference_row
from tests.web_clients import Browser

CONFERENCES = "admin:conferences_conference_changelist"
RECORDS = "admin:conferences_callrecord_changelist"
UNITS = "admin:conferences_resourceunit_changelist"
PARKED = "admin:bus_parked_changelist"


def act(client: Browser, page: str, action: str, pk: object, *, sure: bool = True) -> Any:
    """Send what the browser sends for an action; with `sure` the operator has confirmed it."""
    fields = {"action": action, "_selected_action": [str(pk)]}
    return client.post(reverse(page), {**fields, **({"confirmed": "1"} if sure else {})})


def staged_types() -> list[str]:
    """Return the types of all messages that wait to be sent, in order."""
    return [json.loads(bytes(row.body))["type"] for row in Outbox.objects.order_by("id")]


def remark_of(entry: LogEntry) -> str:
    """Return the words of an entry of the audit trail."""
    return str(entry.additional_data["said"])


def test_an_action_asks_first(operator: Browser, running: Conference) -> None:
    answer = act(operator, CONFERENCES, "end", running.confid, sure=False)
    assert b'name="confirmed"' in answer.content
    assert Row.objects.get(pk=running.confid).state == "running"


def test_end_ends_the_conference_and_frees_seat_and_number(
    operator: Browser, running: Conference
) -> None:
    act(operator, CONFERENCES, "end", running.confid)
    row = Row.objects.get(pk=running.confid)
    assert (row.state, row.end_reason) == ("ended", "released")
    assert not Number.objects.get(pk=running.e164).taken
    assert Quota.objects.get(pk=DEMO_TENANT).small_used == 0
    assert "MAU_MCU_RELEASECONF_CMD" in staged_types()
    (line,) = LogEntry.objects.filter(object_pk=running.confid)
    assert remark_of(line) == "Ended by an operator"


def test_move_tells_the_old_unit_to_drop_it_and_asks_for_another(
    operator: Browser, running: Conference
) -> None:
    act(operator, CONFERENCES, "move", running.confid)
    assert Row.objects.get(pk=running.confid).state == "pending"
    assert staged_types()[0] == "MAU_MCU_RELEASECONF_CMD"
    question = json.loads(bytes(Outbox.objects.order_by("id").last().body))  # type: ignore[union-attr]
    assert question["type"] == "GET_RES_REQ"
    assert question["exclude"] == [{"ip": "10.0.0.1", "pid": "u1"}]


def test_what_does_not_run_is_not_moved(operator: Browser, platform: str) -> None:
    waiting = conference_row(platform, state=ConferenceState.PENDING_RESTORE)
    act(operator, CONFERENCES, "move", waiting.confid)
    assert staged_types() == []
    assert not LogEntry.objects.filter(object_pk=waiting.confid).exists()


def test_the_page_of_one_conference_asks_too(operator: Browser, running: Conference) -> None:
    page = reverse("admin:conferences_conference_end_this", args=[running.confid])
    assert b'name="confirmed"' in operator.get(page).content


def test_drain_and_put_back(operator: Browser, unit: ResourceUnit) -> None:
    for action, draining in (("drain", True), ("put_back", False)):
        act(operator, UNITS, action, unit.pk)
        unit.refresh_from_db()
        assert unit.draining is draining
    assert LogEntry.objects.filter(object_pk=str(unit.pk)).count() == 2


def test_a_parked_message_goes_back_to_its_queue_in_one_transaction(
    operator: Browser, parked: Parked
) -> None:
    act(operator, PARKED, "publish_again", parked.pk)
    parked.refresh_from_db()
    assert parked.retried_at is not None
    (row,) = Outbox.objects.all()
    assert (row.exchange, row.routing_key, bytes(row.body)) == ("", parked.queue, parked.body)
    assert row.properties["reply_to"] == "asker"


def test_what_came_over_http_has_no_queue_to_go_back_to(operator: Browser, parked: Parked) -> None:
    Parked.objects.update(queue="http")
    act(operator, PARKED, "publish_again", parked.pk)
    assert not Outbox.objects.exists()
    assert Parked.objects.get().retried_at is None


def test_discard_forgets_it_but_not_who_did(operator: Browser, parked: Parked) -> None:
    act(operator, PARKED, "discard", parked.pk)
    assert not Parked.objects.exists()
    line = LogEntry.objects.latest("id")
    assert remark_of(line) == "Discarded"
    assert line.actor is not None
    assert (line.actor.username, line.remote_addr) == ("admin", "127.0.0.1")


def test_call_records_are_exported_without_secrets_and_without_formulas(
    operator: Browser, platform: str
) -> None:
    ended = conference_row(
        platform,
        name="=cmd()",
        state=ConferenceState.ENDED,
        ended_at=datetime.now(UTC),
        end_reason="released",
    )
    answer = act(operator, RECORDS, "export", ended.confid)
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    head, line = text.splitlines()
    assert head.startswith("confid,number,name")
    assert f"{ended.confid},{ended.e164},'=cmd()" in line
    assert not [secret for secret in (PASSWORD, PIN, TOKEN) if secret in text]


def test_the_secret_of_a_key_is_shown_once(operator: Browser, platform: str) -> None:
    fields = {"name": "Partner", "domain": DEMO_TENANT, "enabled": "on"}
    page = operator.post(reverse("admin:domains_apikey_add"), fields, follow=True).content.decode()
    key = ApiKey.objects.get(name="Partner")
    secret = page.partition("secret ")[2][:32]
    assert hash_secret(secret) == key.secret_hash
    again = operator.get(reverse("admin:domains_apikey_change", args=[key.pk])).content.decode()
    assert secret not in again
    assert key.secret_hash not in again


def test_a_tenant_cannot_hang_below_a_tenant(operator: Browser, platform: str) -> None:
    fields = {"name": "x", "parent": DEMO_TENANT, "platform": platform, "moid": "new"}
    page = operator.post(reverse("admin:domains_userdomain_add"), fields).content.decode()
    assert "Choose a service domain above it." in page
