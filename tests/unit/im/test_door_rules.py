"""Clients' rights follow from names: no client can touch what belongs to another person."""

from __future__ import annotations

from hypothesis import assume, given
from hypothesis import strategies as st

from im.rules import broker_permissions
from im.rules import topology as t
from im.rules.broker_permissions import BrokerClient
from im.rules.pace import RateLimit

IDS = st.text("abuAZ09-", min_size=1, max_size=12) | st.sampled_from(
    ["a", "a-b", "a-b-c", "ua-b", "b", "a-", "-a", "queue", "in"]
)
SUFFIX = st.text("abuAZ09_-", min_size=1, max_size=10)
BEARERS = st.sampled_from("um")
PERMISSIONS = st.sampled_from(["configure", "write", "read"])
EXCHANGES = st.sampled_from(
    ["", "amq.default", "amq.topic", t.OUTGOING, t.INCOMING, t.CLIENT, t.BASE, t.GB, t.SHARDS]
)
ANY = st.text(max_size=20)


def names_of(user: str, suffix: str) -> list[str]:
    """Return all names that can belong to a person."""
    return [
        f"queue_u_{user}_{suffix}",
        f"queue_m_{user}_{suffix}",
        *(f"mqtt-subscription-u{user}-{suffix}qos{qos}" for qos in (0, 1)),
        f"exchange_u_{user}",
    ]


@given(IDS, IDS, SUFFIX, BEARERS, BEARERS, st.booleans())
def test_what_one_person_may_use_nobody_else_may(
    one: str, other: str, suffix: str, his: str, theirs: str, mqtt: bool
) -> None:
    assume(one != other)
    for name in names_of(one, suffix):
        for permission in ("configure", "write", "read"):
            for kind in ("queue", "exchange"):
                assert not (
                    broker_permissions.may_use(BrokerClient(one, his, mqtt), kind, name, permission)
                    and broker_permissions.may_use(
                        BrokerClient(other, theirs, mqtt), kind, name, permission
                    )
                )


@given(IDS, IDS, ANY)
def test_no_client_id_is_two_peoples(one: str, other: str, client: str) -> None:
    assume(one != other)
    for tried in (client, f"u{one}-{client}", f"u{other}-{client}"):
        assert not (
            broker_permissions.owns_client(one, tried)
            and broker_permissions.owns_client(other, tried)
        )


@given(IDS, BEARERS, st.booleans(), ANY | EXCHANGES)
def test_nobody_makes_or_deletes_an_exchange(user: str, bearer: str, mqtt: bool, name: str) -> None:
    for tried in (name, f"exchange_u_{user}"):
        assert not broker_permissions.may_use(
            BrokerClient(user, bearer, mqtt), "exchange", tried, "configure"
        )


@given(IDS, BEARERS, EXCHANGES | ANY)
def test_a_person_writes_on_one_exchange_alone(user: str, bearer: str, name: str) -> None:
    assert broker_permissions.may_use(BrokerClient(user, bearer), "exchange", name, "write") == (
        name == t.OUTGOING
    )
    assert broker_permissions.may_use(
        BrokerClient(user, bearer, True), "exchange", name, "write"
    ) == (name == t.CLIENT)


@given(IDS, BEARERS, st.booleans(), EXCHANGES, PERMISSIONS, ANY)
def test_keys_are_ones_own(
    user: str, bearer: str, mqtt: bool, exchange: str, permission: str, key: str
) -> None:
    assume(key not in (f"out.u{user}", f"in.u{user}", f"m_.{user}"))
    assert not broker_permissions.may_route(
        BrokerClient(user, bearer, mqtt), exchange, permission, key
    )


@given(ANY, ANY, PERMISSIONS, st.sampled_from(sorted(broker_permissions.SERVICES)))
def test_a_service_does_nothing_but_its_work(
    kind: str, name: str, permission: str, user: str
) -> None:
    exchange, queue = broker_permissions.SERVICES[user]
    allowed = {("queue", queue, "read"), ("exchange", exchange, "write")}
    for tried in (kind, "queue", "exchange"):
        for named in (name, exchange, queue, t.OUTGOING, t.CENTER_QUEUE):
            may = broker_permissions.may_use(BrokerClient(user, "s"), tried, named, permission)
            server = user in broker_permissions.SERVER_KEYS and permission == "read"
            bound = server and (tried, named) == ("exchange", t.BASE)
            assert may == (bound or (tried, named, permission) in allowed)


@given(st.sampled_from(sorted(broker_permissions.SERVICES)), PERMISSIONS, SUFFIX)
def test_a_server_has_a_queue_of_its_own_for_what_is_for_all_and_for_itself(
    user: str, permission: str, server: str
) -> None:
    client, key = BrokerClient(user, "s"), user.removeprefix("s.")
    is_server = user in broker_permissions.SERVER_KEYS
    own = broker_permissions.may_use(client, "queue", f"queue_{key}_{server}", permission)
    assert own == is_server
    for bound in (key, f"{key}.{server}"):
        assert broker_permissions.may_route(client, t.BASE, "read", bound) == is_server
    for other in ("#", f"{key}.#", f"{key}.*", "center", "event", "u_.ann", f"{key}.{server}/x"):
        assert not broker_permissions.may_route(client, t.BASE, "read", other)


@given(IDS, BEARERS, st.booleans())
def test_tags_say_who_it_is(user: str, bearer: str, mqtt: bool) -> None:
    client = BrokerClient(user, bearer, mqtt)
    assert broker_permissions.client_of(user, client.tags) == client
    assert broker_permissions.client_of(user, f"administrator {client.tags}") == client
    assert broker_permissions.client_of(user, "") is None
    assert broker_permissions.client_of(user, "management administrator") is None


@given(IDS)
def test_no_person_has_a_services_name(user: str) -> None:
    assert not broker_permissions.is_known(user, "s")
    assert broker_permissions.is_known(user, "u")


@given(st.lists(st.floats(0, 10, allow_nan=False), min_size=1, max_size=200))
def test_a_pace_is_kept(pauses: list[float]) -> None:
    pace, now, allowed = RateLimit(2.0, 5), 100.0, 0
    for pause in pauses:
        now += pause
        allowed += pace.allows("a", now)
        pace.forget_full(now)
    assert allowed <= 5 + 2.0 * (now - 100.0) + 1e-6
    assert pace.allows("b", now)
