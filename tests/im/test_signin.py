"""Signing in and out: the token, the person's exchange, and that what is revoked is out, under every protocol."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from django.conf import settings
from django.db import transaction

from domains.flows import change, people
from domains.models import Account
from foundation.bus import management_api
from foundation.cells.directory import own_platform, redis_of
from im.data import broker, revocations
from im.flows import forbidden_queues, revoke
from im.models import Revocation
from im.rules import tokens
from tests.im.door import GROUP, Mqtt, Stomp, amqp, device, eventually
from tests.web_clients import BareClient, Browser

pytestmark = pytest.mark.xdist_group(GROUP)


@pytest.fixture
def ann(transactional_db: None, platform: str, door: str) -> Account:
    """Return a person of the demonstration tenant.

    What an earlier test has revoked concerns other tokens.
    """
    account = Account.objects.filter(domain__userdomain__isnull=False, is_staff=False).first()
    assert account is not None
    revocations.set_copied_up_to(own_platform(), time.time())
    return account


def login(account: Account) -> dict[str, Any]:
    """Sign in as the chat page does."""
    browser = Browser()
    browser.force_login(account)
    answer = browser.post("/api/v1/im/login", content_type="application/json")
    assert answer.json().get("success"), answer.content
    session: dict[str, Any] = answer.json()
    return session


def ask(path: str, token: str) -> Any:
    return BareClient().post(
        f"/api/v1/im/{path}",
        content_type="application/json",
        headers={"Authorization": f"Bearer {token}"},
    )


def asked_of_the_broker(path: str) -> Any:
    """Return what the management API says of something; `None` if it does not exist."""
    return management_api.call_api(settings.IM_MANAGEMENT_URL, "GET", path)


def timer() -> None:
    """Run the workers' timers once."""
    revoke.revoke_pending()
    time.sleep(0.2)


# ---- in -----------------------------------------------------------------------------------------


def test_a_sign_in_says_all_that_a_client_needs(ann: Account) -> None:
    session = login(ann)
    assert session["user_id"] == ann.moid
    assert session["exchange"] == f"exchange_u_{ann.moid}"
    assert session["mqtt"] == {
        "client_id_prefix": f"u{ann.moid}-",
        "in": f"in/u{ann.moid}",
        "out": f"out/u{ann.moid}",
    }
    assert set(session["addresses"]) == {"amqp", "mqtt", "stomp", "web_mqtt", "web_stomp"}
    connection = amqp(ann.moid, session["token"])
    assert device(connection, ann.moid)
    connection.close()


def test_a_token_renews_itself(ann: Account) -> None:
    session = login(ann)
    again = ask("login", session["token"])
    assert again.status_code == 200
    assert again.json()["token"] != session["token"]


def test_an_exchange_that_went_with_its_last_queue_is_there_after_the_next_sign_in(
    ann: Account,
) -> None:
    for _ in range(2):
        connection = amqp(ann.moid, login(ann)["token"])
        device(connection, ann.moid)
        connection.close()


@pytest.mark.parametrize("token", ["", "a:b", "x" * 600 + ":y", "Tricolor:x"])
def test_nobody_signs_in_with_another_token(ann: Account, token: str) -> None:
    assert ask("login", token).status_code == 401


def test_a_page_needs_its_csrf_token(ann: Account) -> None:
    browser = BareClient()
    browser.force_login(ann)
    assert browser.post("/api/v1/im/login", content_type="application/json").status_code == 403


def test_nobody_of_a_disabled_domain_signs_in(ann: Account) -> None:
    assert ann.domain_id is not None
    session = login(ann)
    change.disable(ann.domain_id)
    assert ask("login", session["token"]).status_code in (401, 403)


def test_who_signs_in_too_often_waits(ann: Account) -> None:
    browser = Browser()
    browser.force_login(ann)
    codes = (
        browser.post("/api/v1/im/login", content_type="application/json").status_code
        for _ in range(100)
    )
    assert next(codes) == 200
    assert 429 in codes


def test_an_account_named_as_our_servers_does_not_sign_in(ann: Account) -> None:
    Account.objects.filter(pk=ann.pk).update(moid="platform")
    browser = Browser()
    browser.force_login(Account.objects.get(pk=ann.pk))
    assert browser.post("/api/v1/im/login", content_type="application/json").status_code == 403


def test_without_its_broker_a_site_says_so(
    ann: Account, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.IM_AMQP_URL = "amqp://platform:x@127.0.0.1:9/im"
    monkeypatch.setattr(broker, "_shared_connection", broker._SharedConnection())
    browser = Browser()
    browser.force_login(ann)
    answer = browser.post("/api/v1/im/login", content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (503, "away")


# ---- out ----------------------------------------------------------------------------------------

Cause = Callable[[Account, str], object]
CAUSES: dict[str, Cause] = {
    "signs out": lambda ann, token: ask("logout", token),
    "has another password": lambda ann, token: people.set_password(ann.moid, "another-Word-4711"),
    "is disabled": lambda ann, token: people.disable(ann.moid),
    "is deleted": lambda ann, token: people.delete(ann.moid),
    "has its domain disabled": lambda ann, token: change.disable(ann.domain_id or ""),
    "has a domain above it disabled": lambda ann, token: change.disable(_above(ann)),
}


def _above(ann: Account) -> str:
    assert ann.domain is not None
    return ann.domain.parent_id or ""


@pytest.mark.parametrize("cause", CAUSES, ids=lambda cause: cause.replace(" ", "_"))
def test_out_within_five_seconds_under_every_protocol_is_who(cause: str, ann: Account) -> None:
    token = login(ann)["token"]
    connection = amqp(ann.moid, token)
    device(connection, ann.moid)
    two = Mqtt(ann.moid, password=token)
    three, four = Stomp(ann.moid, token), Stomp(ann.moid, token, "web_stomp")
    assert two.is_in
    assert (three.first, four.first) == ("CONNECTED", "CONNECTED")
    CAUSES[cause](ann, token)
    began = time.monotonic()
    while not (two.gone and _has_ended(connection)) and time.monotonic() - began < 6:
        timer()
    assert three.frame()[0] in ("ERROR", "")
    assert four.frame()[0] in ("ERROR", "")
    assert time.monotonic() - began < 5
    assert _is_refused(ann.moid, token)
    assert ask("login", token).status_code == 401
    two.close()


def _has_ended(connection: Any) -> bool:
    with suppress(Exception):
        connection.process_data_events(0)
        return bool(connection.is_closed)
    return True


def _is_refused(user: str, token: str) -> bool:
    time.sleep(1.2)  # the door looks once a second
    try:
        amqp(user, token).close()
    except Exception:
        return True
    return False


def test_a_new_token_of_the_same_second_is_good_and_its_connection_stays(ann: Account) -> None:
    login(ann)
    with transaction.atomic():
        revoke.revoke_all("default", [ann.moid])
    session = login(ann)
    while revocations.people_to_disconnect():
        timer()
    connection = amqp(ann.moid, session["token"])
    for _ in range(5):
        timer()
    assert not _has_ended(connection)
    connection.close()


def test_what_is_rolled_back_revokes_nobody(ann: Account) -> None:
    token = login(ann)["token"]
    with suppress(RuntimeError), transaction.atomic():
        revoke.revoke_all("default", [ann.moid])
        raise RuntimeError
    timer()
    amqp(ann.moid, token).close()


def test_an_emptied_redis_is_filled_again_from_the_table(ann: Account) -> None:
    token = login(ann)["token"]
    with transaction.atomic():
        revoke.revoke_all("default", [ann.moid])
    redis_of(own_platform()).flushdb()
    fresh = revocations.RevokedTokens()
    fresh.read(redis_of(own_platform()), time.time())
    assert not fresh.is_whole
    revoke.revoke_pending()
    fresh.read(redis_of(own_platform()), time.time())
    assert fresh.is_whole
    assert fresh.is_revoked(tokens.read(token))


def test_many_who_are_revoked_at_once_cost_few_requests_to_the_broker(
    ann: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A request for each of 500 people without a connection would keep the others in for half a minute."""
    requests: list[str] = []
    call = management_api.call_api

    def counted(url: str, method: str, path: str, *more: Any, **named: Any) -> object:
        requests.append(path)
        return call(url, method, path, *more, **named)

    monkeypatch.setattr(management_api, "call_api", counted)
    connection = amqp(ann.moid, login(ann)["token"])
    with transaction.atomic():
        revoke.revoke_all("default", [f"nobody-{number}" for number in range(500)] + [ann.moid])
    rounds = 0
    while not _has_ended(connection) and rounds < 100:
        timer()
        rounds += 1
    assert _has_ended(connection)
    assert len(requests) <= 2 * rounds + 1


def test_rows_of_expired_tokens_are_forgotten(ann: Account) -> None:
    with transaction.atomic():
        revoke.revoke_all("default", ["old"], seconds=-7200)
        revoke.revoke_all("default", ["new"])
    revoke.delete_expired()
    assert list(Revocation.objects.values_list("user", flat=True)) == ["new"]


# ---- what is declared ---------------------------------------------------------------------------


def test_clients_queues_have_the_operators_limits_and_everything_can_be_declared_again(
    ann: Account,
) -> None:
    broker.declare_and_limit()
    connection = amqp(ann.moid, login(ann)["token"])
    channel = connection.channel()
    channel.queue_declare("queue_u_" + ann.moid + "_d1", arguments={"x-max-length": 10**6})
    path = f"/queues/im/queue_u_{ann.moid}_d1"
    eventually(lambda: "operator_policy" in asked_of_the_broker(path))
    queue = asked_of_the_broker(path)
    assert queue["operator_policy"] == "im.devices"
    assert queue["effective_policy_definition"]["max-length"] == 10_000
    channel.queue_delete("queue_u_" + ann.moid + "_d1")
    connection.close()


def test_several_centers_share_what_is_said_and_one_has_it_all_again(
    ann: Account, settings: Any
) -> None:
    settings.IM_CENTERS = 3
    broker.declare()
    assert _bound("im.shards") == {"chat-app-message", "chat-app-message.1", "chat-app-message.2"}
    assert _bound("conversation.outgoing") == {"im.shards"}
    settings.IM_CENTERS = 1
    broker.declare()
    assert _bound("im.shards") == set()
    assert _bound("conversation.outgoing") == {"chat-app-message"}


def _bound(exchange: str) -> set[str]:
    bindings = asked_of_the_broker(f"/exchanges/im/{exchange}/bindings/source")
    return {binding["destination"] for binding in bindings}


ODD: dict[str, dict[str, Any]] = {
    "is a quorum queue": {"x-queue-type": "quorum"},
    "is a stream": {"x-queue-type": "stream"},
    "refuses what it has no room for": {"x-overflow": "reject-publish"},
    "sends its dead letters to the center": {"x-dead-letter-exchange": "conversation.outgoing"},
    "serves one consumer alone": {"x-single-active-consumer": True},
}


@pytest.mark.parametrize("what", ODD, ids=lambda what: what.replace(" ", "_"))
def test_a_clients_queue_is_deleted_that(what: str, ann: Account) -> None:
    connection = amqp(ann.moid, login(ann)["token"])
    name = f"queue_u_{ann.moid}_odd"
    connection.channel().queue_declare(name, durable=True, arguments=ODD[what])
    eventually(lambda: name in {queue["name"] for queue in broker.device_queues()})
    forbidden_queues.delete_forbidden()
    assert asked_of_the_broker(f"/queues/im/{name}") is None
    eventually(lambda: _has_ended(connection))


def test_a_clients_queue_with_limits_of_its_own_stays(ann: Account) -> None:
    connection = amqp(ann.moid, login(ann)["token"])
    arguments = {"x-max-length": 10, "x-expires": 60_000, "x-queue-type": "classic"}
    connection.channel().queue_declare(f"queue_u_{ann.moid}_fine", arguments=arguments)
    forbidden_queues.delete_forbidden()
    assert asked_of_the_broker(f"/queues/im/queue_u_{ann.moid}_fine")["name"]
    broker.delete_queues([f"queue_u_{ann.moid}_fine"])
    connection.close()
