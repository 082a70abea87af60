"""Who has signed in and listens is told everything at once, under every protocol, before the first heartbeat."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from domains.models import Account
from im.rules.topology import user_exchange
from tests.im import door
from tests.im.conversations import conversation
from tests.im.devices import Device, Running
from tests.im.door import GROUP, Mqtt, Stomp, eventually
from tests.web_clients import BareClient, Browser

pytestmark = pytest.mark.xdist_group(GROUP)
SignIn = Callable[..., Device]
Heard = Callable[[], list[str]]
"""Returns the commands that a client has received so far."""


@pytest.fixture
def bob(im_site: str) -> Account:
    """Return a person of the demonstration tenant."""
    found = Account.objects.filter(domain__userdomain__isnull=False, is_staff=False).first()
    assert found is not None
    return found


def login(account: Account, **arguments: str) -> str:
    """Sign in over HTTP, as each client does before it connects, and return the token."""
    browser = Browser()
    browser.force_login(account)
    answer = browser.post(
        "/api/v1/im/login", json.dumps(arguments), content_type="application/json"
    )
    assert answer.status_code == 200, answer.content
    return str(answer.json()["token"])


def over_amqp(user: str, token: str, ends: ExitStack) -> Heard:
    connection = door.amqp(user, token)
    ends.callback(connection.close)
    channel = door.device(connection, user)
    heard: list[str] = []

    def look() -> list[str]:
        while (body := channel.basic_get(f"queue_u_{user}_d1", auto_ack=True)[2]) is not None:
            heard.append(json.loads(body)["cmd"])
        return heard

    return look


def over_mqtt(user: str, token: str, ends: ExitStack) -> Heard:
    client = Mqtt(user, password=token)
    ends.callback(client.close)
    client.client.subscribe(f"in/u{user}", qos=1)
    eventually(lambda: bool(client.granted))
    return lambda: [json.loads(body)["cmd"] for _, body in client.got]


def over_stomp(user: str, token: str, ends: ExitStack) -> Heard:
    client = Stomp(user, token)
    queue = {"x-queue-name": f"queue_u_{user}_s1", "exclusive": "true", "durable": "false"}
    where = {"id": "1", "destination": f"/exchange/{user_exchange(user)}", **queue}
    client.send("SUBSCRIBE", {**where, "auto-delete": "true", "receipt": "r1"})
    assert client.frame()[0] == "RECEIPT"
    ends.callback(client.send, "DISCONNECT", {})
    heard: list[str] = []

    def look() -> list[str]:
        if "msg" not in heard:
            heard.append(str(json.loads(client.frame()[2])["cmd"]))
        return heard

    return look


@pytest.fixture
def ends() -> Iterator[ExitStack]:
    """Disconnect at the end of the test."""
    with ExitStack() as stack:
        yield stack


@pytest.mark.parametrize(
    ("listen", "arguments"),
    [
        (over_amqp, {}),
        (over_amqp, {"way": "amqp"}),
        (over_stomp, {"way": "stomp"}),
        (over_mqtt, {}),
        (over_mqtt, {"way": "mqtt"}),
    ],
)
def test_who_has_signed_in_hears_what_is_said_before_his_first_heartbeat(
    center: Running,
    bob: Account,
    sign_in: SignIn,
    ends: ExitStack,
    listen: Callable[[str, str, ExitStack], Heard],
    arguments: dict[str, str],
) -> None:
    group = conversation("ann-1", bob.moid)
    heard = listen(bob.moid, login(bob, **arguments), ends)
    sign_in("ann-1").text(group)
    eventually(lambda: "msg" in heard())


def test_a_client_that_keeps_nothing_asks_for_what_came_after_its_last_heartbeat(
    center: Running, bob: Account, sign_in: SignIn
) -> None:
    group, ann = conversation("ann-1", bob.moid), sign_in("ann-1")
    token = login(bob)

    def call(path: str, **arguments: Any) -> Any:
        proof = {"Authorization": f"Bearer {token}"}
        address, body = f"/api/v1/im/{path}", json.dumps(arguments)
        return (
            BareClient().post(address, body, content_type="application/json", headers=proof).json()
        )

    def missed(**arguments: Any) -> list[int]:
        parts = call("offline", **arguments)["conversations"]
        return [entry["data"]["seq"] for part in parts for entry in part["entries"]]

    for number in range(3):
        ann.text(group, f"text {number}")
    eventually(lambda: missed() == [1, 2, 3])
    assert call("heartbeat", device="page", seqs={str(group): 2})["behind"] == {str(group): 3}
    assert missed(device="page") == [3]
    assert missed(device="page", seqs={str(group): 1}) == [2, 3]
    assert missed(device="another") == missed() == [1, 2, 3]
