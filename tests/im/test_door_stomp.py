"""The broker refuses what clients may not do over STOMP, on a socket and over WebSocket."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from im.data import broker
from tests.im.door import GROUP, Stomp, amqp, device, token_of

pytestmark = pytest.mark.xdist_group(GROUP)

OTHER = "sbob-2"
OUT = "/exchange/conversation.outgoing/c_1"
Frame = tuple[str, dict[str, str]]


@pytest.fixture(params=["stomp", "web_stomp"])
def way(request: pytest.FixtureRequest, door: str) -> str:
    return str(request.param)


@pytest.fixture(scope="module", autouse=True)
def _other(door: str) -> Iterator[None]:
    broker.ensure_user(OTHER)
    connection = amqp(OTHER)
    device(connection, OTHER)
    yield
    connection.close()


def _hear(destination: str, **headers: str) -> Frame:
    return "SUBSCRIBE", {"destination": destination, "id": "1", **headers}


def _say(destination: str, **headers: str) -> Frame:
    return "SEND", {"destination": destination, **headers}


def _mine(me: str, device: str = "d1") -> dict[str, str]:
    return {"x-queue-name": f"queue_u_{me}_{device}", "exclusive": "true", "durable": "false"}


def _refused(me: str) -> dict[str, Frame]:
    return {
        "writes into another's queue": _say(f"/amq/queue/queue_u_{OTHER}_d1"),
        "declares another's queue by writing": _say(f"/queue/queue_u_{OTHER}_d9"),
        "writes as the center does": _say("/exchange/conversation.incoming/c_1"),
        "writes a notice": _say(f"/exchange/exchange_base/u_.{OTHER}"),
        "writes on MQTT's exchange": _say(f"/exchange/im.client/out.u{me}"),
        "writes on a topic": _say("/topic/x"),
        "says that it is somebody else": _say(OUT, **{"user-id": OTHER}),
        "asks for answers in a queue of its own": _say(OUT, **{"reply-to": "/temp-queue/x"}),
        "listens to another's queue": _hear(f"/amq/queue/queue_u_{OTHER}_d1"),
        "declares another's queue": _hear(f"/queue/queue_u_{OTHER}_d9"),
        "listens to another's exchange": _hear(f"/exchange/exchange_u_{OTHER}", **_mine(me)),
        "listens in another's queue": _hear(f"/exchange/exchange_u_{me}", **_mine(OTHER, "d9")),
        "listens in a queue that is not exclusive": _hear(f"/exchange/exchange_u_{me}"),
        "listens to all conversations": _hear("/exchange/conversation.incoming/#", **_mine(me)),
        "listens to what is said": _hear("/exchange/conversation.outgoing", **_mine(me)),
        "listens to a topic": _hear("/topic/#"),
        "listens to what everybody says": _hear("/amq/queue/chat-app-message"),
    }


@pytest.mark.parametrize("what", _refused(""), ids=lambda what: what.replace(" ", "_"))
def test_a_client_is_refused_who(what: str, way: str) -> None:
    me = f"sann-{abs(hash((what, way))) % 10**6}"
    broker.ensure_user(me)
    connection = Stomp(me, way=way)
    assert connection.first == "CONNECTED"
    assert connection.ask(*_refused(me)[what]) in ("ERROR", "")
    connection.close()


@pytest.mark.parametrize("proof", ["secret", "another's", "expired"])
def test_nobody_signs_in_with(proof: str, way: str) -> None:
    proofs = {"another's": token_of(OTHER), "expired": token_of("sann", age=12 * 3600 + 1)}
    connection = Stomp("sann", proofs.get(proof, proof), way=way)
    assert connection.first in ("ERROR", "")
    connection.close()


def test_a_client_hears_what_is_for_it_and_speaks_as_itself(way: str) -> None:
    me = f"sown-{way.replace('_', '-')}"
    broker.ensure_user(me)
    connection = Stomp(me, way=way)
    assert connection.ask(*_hear(f"/exchange/exchange_u_{me}", **_mine(me))) == "RECEIPT"
    assert connection.ask(*_say(OUT, **{"user-id": me})) == "RECEIPT"
    connection.close()
