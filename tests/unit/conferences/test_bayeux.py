"""Bayeux: which channels a client may subscribe to, what reaches it, and what it acknowledges."""

from __future__ import annotations

import pytest

from conferences.api.push.callers import Caller, Credentials, credentials_of
from conferences.api.push.hub import PushedEvent
from conferences.api.push.limits import MOST_PENDING, RateLimitPerPerson
from conferences.api.push.requests import comes_from_own_page
from conferences.api.push.session import Session
from conferences.rules import bayeux
from foundation.bus.events import StoredEvent
from foundation.json_value import JSONValue

ALL = "/userdomains/u1/**"


def event(seq: int, channel: str = "/confs/88001", user_domain: str = "u1") -> PushedEvent:
    return PushedEvent(StoredEvent(user_domain, seq, channel, b'{"method":"update"}', 0))


def session(*subscriptions: str, acks: bool = False) -> Session:
    caller = Caller(Credentials(cookie="c"), "anna", "u1", "main")
    return Session(caller, acks=acks, subscriptions=set(subscriptions))


@pytest.mark.parametrize(
    ("subscription", "channel", "reached"),
    [
        ("/userdomains/u1/confs/88001", "/confs/88001", True),
        ("/userdomains/u1/confs/*", "/confs/88001", True),
        ("/userdomains/u1/confs/**", "/confs/88001", True),
        ("/userdomains/u1/**", "/confs/88001", True),
        ("/userdomains/u1/*", "/confs/88001", False),
        ("/userdomains/u1/confs/88001/**", "/confs/88001", False),
        ("/userdomains/u1/confs/*", "/confs/88001/speaker", False),
        ("/userdomains/u1/confs/**", "/confs/88001/speaker", True),
        ("/userdomains/u1/confs/88001/cascades/0/mts/*", "/confs/88001/cascades/0/mts/1", True),
        ("/userdomains/u1/confs/88002", "/confs/88001", False),
    ],
)
def test_what_reaches_a_subscription(subscription: str, channel: str, reached: bool) -> None:
    listener = session(subscription)
    listener.offer(event(1, channel))
    assert bool(listener.pending) is reached


@pytest.mark.parametrize(
    ("subscription", "code"),
    [
        ("/userdomains/u1/confs/88001", ""),
        ("/userdomains/u1/**", ""),
        ("/userdomains/u1/confs/*", ""),
        ("/userdomains/u2/confs/88001", "403"),
        ("/userdomains/u11/**", "403"),
        ("/userdomains/**", "403"),
        ("/**", "403"),
        ("/userdomains/*/confs", "400"),
        ("/userdomains/u1/confs/**/speaker", "400"),
        ("/userdomains/u1/confs/a*", "400"),
        ("/userdomains/u1//confs", "400"),
        ("/userdomains/u1/confs/", "400"),
        ("confs", "400"),
        ("", "400"),
        (7, "400"),
        (None, "400"),
        (f"/userdomains/u1/{'a' * 255}", "400"),
    ],
)
def test_people_subscribe_to_their_own_user_domain_alone(
    subscription: JSONValue, code: str
) -> None:
    assert bayeux.why_not_subscribed(subscription, "u1").partition(":")[0] == code


def test_a_message_names_the_concrete_channel_and_its_number() -> None:
    expected = (
        b'{"channel":"/userdomains/u1/confs/88001","data":{"method":"update"},"ext":{"seq":7}}'
    )
    assert event(7).message == expected
    assert event(7).frame == b'id: 7\ndata: {"channel":"/confs/88001","method":"update"}\n\n'


def test_what_is_not_acknowledged_is_sent_again_in_order() -> None:
    listener = session(ALL, acks=True)
    for seq in (1, 2):
        listener.offer(event(seq))
    assert listener.drain() == [event(1).message, event(2).message]
    listener.offer(event(3))
    assert listener.drain() == [event(3).message]
    listener.offer(event(4))
    listener.acknowledge(1)
    assert listener.drain() == [event(3).message, event(4).message]
    listener.acknowledge(3)
    assert listener.drain() == []


def test_without_acknowledgements_nothing_is_kept() -> None:
    listener = session(ALL)
    listener.offer(event(1))
    assert len(listener.drain()) == 1
    assert not listener.batches


def test_a_client_that_takes_nothing_is_given_up() -> None:
    listener = session(ALL)
    for seq in range(MOST_PENDING + 1):
        listener.offer(event(seq))
    assert listener.ended == "slow"
    assert not listener.pending


@pytest.mark.parametrize(
    "cookie",
    ["SSO_COOKIE_KEY=abc-1", "SSO_COOKIE_KEY=abc-1; Path=/;", "a=b; SSO_COOKIE_KEY=abc-1;Path=/"],
)
def test_cookies_are_read_as_clients_send_them(cookie: str) -> None:
    assert credentials_of({"Cookie": cookie}, {}) == Credentials(cookie="abc-1")


def test_secrets_that_cannot_be_written_as_text_are_wrong_ones() -> None:
    undecodable = b"\xff".decode(errors="surrogateescape")
    headers = {"Cookie": f"SSO_COOKIE_KEY={undecodable}", "Authorization": f"Bearer {undecodable}"}
    assert credentials_of(headers, {"account_token": undecodable}) == Credentials("?", "?", "?")


def test_each_person_has_a_pace_and_what_is_refused_does_not_count() -> None:
    pace = RateLimitPerPerson(per_second=0.0, burst=10.0)
    assert pace.allows("anna", 9)
    assert not pace.allows("anna", 2)
    assert pace.allows("anna")
    assert pace.allows("ben", 10)


@pytest.mark.parametrize(
    ("ext", "number"),
    [
        ({"replay": {ALL: 17}}, 17),
        ({"replay": 17}, 17),
        ({"replay": {"/other": 17}}, None),
        ({"replay": -1}, None),
        ({"replay": True}, None),
        ({"replay": "17"}, None),
        ({"userName": "x"}, None),
        (None, None),
    ],
)
def test_the_last_event_that_a_client_has_seen(ext: JSONValue, number: int | None) -> None:
    assert bayeux.replay_from({"ext": ext}, ALL) == number


def test_an_answer_repeats_no_json_that_is_nested() -> None:
    nested: JSONValue = [[["x"]]]
    answer = bayeux.refused({"channel": "/meta/connect", "id": nested}, "402::unknown client")
    assert "id" not in answer
    assert bayeux.answer({"channel": "/x", "id": 7})["id"] == 7
    assert bayeux.named_subscription({"subscription": nested}) is None
    assert bayeux.named_subscription({"subscription": ["/a", "/b"]}) == ["/a", "/b"]


@pytest.mark.parametrize(
    ("headers", "may_listen"),
    [
        ({}, True),
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({"Sec-Fetch-Site": "same-site"}, False),
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Host": "a.example", "Origin": "https://a.example"}, True),
        ({"Host": "a.example", "Origin": "https://b.example"}, False),
        ({"Host": "a.example", "Origin": "http://["}, False),
    ],
)
def test_scripts_in_pages_of_another_host_do_not_listen(
    headers: dict[str, str], may_listen: bool
) -> None:
    assert comes_from_own_page(headers) is may_listen
