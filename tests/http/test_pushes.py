"""Programs hear of changes, by Bayeux and as a stream, and of nothing that is another's (HTTP API §5)."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator

import pytest
import websocket

from deploy.stand.site import Site
from tests.http.listening import Client, LongPolling, Stream, WebSocket
from tests.http.program import Program

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("stories")]


@pytest.fixture
def poller(simulated: Site, program: Program) -> Iterator[LongPolling]:
    """Yield a client of Anna's that has shaken hands."""
    with LongPolling(simulated.http, program.cookie) as client:
        client.handshake()
        yield client


@pytest.mark.parametrize("client", [LongPolling, WebSocket])
def test_a_program_hears_of_a_conference_from_its_start_to_its_end(
    simulated: Site, program: Program, client: Client
) -> None:
    with client(simulated.http, program.cookie) as listener:
        answer = listener.handshake(ext={"userName": "anna"})
        assert (answer["successful"], answer["version"]) == (True, "1.0")
        assert listener.moid
        assert answer["advice"]["reconnect"] == "retry"
        subscribed = listener.subscribe("/confs/**")
        assert subscribed["subscription"] == f"/userdomains/{listener.moid}/confs/**"
        assert subscribed["successful"]
        number = program.create(invite_members=[{"account": "7001", "account_type": 5}])["conf_id"]
        assert listener.hears(f"/confs/{number}", "update") == {"method": "update"}
        wanted = [{"account": "7002", "account_type": 5, "bitrate": 1024, "protocol": 1}]
        (called,) = program.post(f"vc/confs/{number}/mts", {"mts": wanted})["mts"]
        listener.hears(f"/confs/{number}/cascades/0/mts/{called['mt_id']}", "update")
        gone = json.dumps({"mts": [{"mt_id": called["mt_id"]}]})
        program.delete(f"vc/confs/{number}/mts", params=gone)
        listener.hears(f"/confs/{number}/cascades/0/mts/{called['mt_id']}", "delete")
        program.delete(f"mc/confs/{number}")
        listener.hears(f"/confs/{number}", "delete")
        assert listener.ask("/meta/disconnect")["successful"]
        assert listener.ask("/meta/connect", connectionType="websocket")["successful"] is False


def test_a_stream_goes_on_where_it_was(simulated: Site, program: Program) -> None:
    stream = Stream(simulated.http, "?channel=/confs/*", Cookie=program.cookie)
    assert stream.type == "text/event-stream; charset=utf-8"
    number = program.create()["conf_id"]
    last = stream.hears(f"/confs/{number}", "update")
    stream.close()
    program.delete(f"mc/confs/{number}")
    other = program.create()["conf_id"]
    again = Stream(simulated.http, Cookie=program.cookie, Last_Event_ID=last)
    missed = again.events()
    assert next(missed)[1] == {"channel": f"/confs/{number}", "method": "delete"}
    following, data = next(missed)
    assert data == {"channel": f"/confs/{other}", "method": "update"}
    assert int(following) == int(last) + 2
    again.close()
    beyond = Stream(simulated.http, Cookie=program.cookie, Last_Event_ID=str(10**9))
    assert next(beyond.events())[0] == "reset"
    beyond.close()


def test_a_client_of_bayeux_goes_on_where_it_was(poller: LongPolling, program: Program) -> None:
    poller.subscribe("/confs/**")
    number = program.create()["conf_id"]
    while not poller.heard:
        poller.connect()
    seen = poller.heard.pop()["ext"]["seq"]
    program.delete(f"mc/confs/{number}")
    poller.handshake()
    channel = f"/userdomains/{poller.moid}/confs/*"
    assert poller.subscribe("/confs/*", ext={"replay": {channel: seen}})["successful"]
    poller.hears(f"/confs/{number}", "delete")
    assert poller.subscribe("/confs/**", ext={"replay": 10**9})["successful"]


def test_what_is_not_acknowledged_is_sent_again(poller: LongPolling, program: Program) -> None:
    assert poller.handshake(ext={"ack": True})["ext"]["ack"] is True
    poller.subscribe("/confs/**")
    poller.connect(ext={"ack": -1})
    program.create()
    batch = poller.connect(ext={"ack": 0})["ext"]["ack"]
    first = poller.heard[:]
    assert first
    poller.heard.clear()
    poller.connect(ext={"ack": batch - 1})
    assert poller.heard[: len(first)] == first
    poller.heard.clear()
    poller.connect(ext={"ack": batch + 1}, advice={"timeout": 0})
    assert poller.heard == []


def test_requests_are_taken_in_every_form(simulated: Site, program: Program) -> None:
    client = LongPolling(simulated.http, program.cookie)
    hello = {"channel": "/meta/handshake", "id": "1", "version": "1.0"}
    for path in ("", "/", "/handshake", "/handshake/"):
        (answer,) = client.exchange(hello, path=path)
        assert answer["successful"], path
    (answer,) = json.loads(client.post(json.dumps(hello)))
    assert answer["clientId"]
    client.client_id, client.moid = answer["clientId"], answer["ext"]["user_domain_moid"]
    batch = [
        client.message("/meta/subscribe", subscription=f"/userdomains/{client.moid}/confs/*"),
        client.message("/meta/connect", connectionType="long-polling"),
    ]
    assert [reply["successful"] for reply in client.exchange(*batch)] == [True, True]
    query = "?jsonp=jsonp1&message=" + json.dumps([hello]).replace(" ", "").replace('"', "%22")
    _, script = program.raw("GET", f"/api/v1/publish{query}", Cookie=program.cookie)
    assert script.startswith(b"/**/jsonp1([{")
    assert program.raw("GET", f"/api/v1/publish{query}".replace("jsonp1", "alert(1)//"))[0] == 400


def test_refusals_say_what_to_do(simulated: Site, program: Program, poller: LongPolling) -> None:
    stranger = LongPolling(simulated.http, "").handshake()
    assert (stranger["successful"], stranger["advice"]) == (False, {"reconnect": "none"})
    assert stranger["ext"]["error_code"] == 10102
    wrong = LongPolling(simulated.http, "SSO_COOKIE_KEY=nonsense").handshake()
    assert wrong["ext"]["error_code"] == 10002
    for channel in ("/userdomains/another/confs/**", "/userdomains/**", "/**"):
        answer = poller.ask("/meta/subscribe", subscription=channel)
        assert answer["successful"] is False
        assert answer["error"].startswith("403:")
        assert answer["subscription"] == channel
    published = poller.ask(f"/userdomains/{poller.moid}/confs/1", data={"method": "update"})
    assert published["error"].startswith("403:")
    (other,) = LongPolling(simulated.http, "SSO_COOKIE_KEY=x").exchange(
        {"channel": "/meta/connect", "id": "9", "clientId": poller.client_id}
    )
    assert (other["error"][:4], other["advice"]["reconnect"]) == ("402:", "handshake")
    nested = '[{"channel": "/meta/connect", "id": %s}]' % ("[" * 400 + "]" * 400)
    for body in ("[1, null, {}]", "[]", nested):
        assert all(not reply["successful"] for reply in json.loads(poller.post(body)))
    assert json.loads(poller.post("{"))["error_code"] == 29001
    assert poller.status == 400
    poller.post(json.dumps(["x" * 70_000]))
    assert poller.status == 413
    foreign = {"Cookie": program.cookie, "Origin": "https://evil.example"}
    assert program.raw("POST", "/api/v1/publish", "[]", **foreign)[0] == 403
    assert Stream(simulated.http).status == 401
    refused = Stream(simulated.http, "?channel=/userdomains/x/**", Cookie=program.cookie)
    assert refused.body()["description"].startswith("channel: ")


def say_until_cut_off(socket: websocket.WebSocket, text: str) -> None:
    """Send a text again and again, read no answer meanwhile, and raise what the end of the connection raises.

    The front may go on reading for half a minute after it has closed, so that only who reads sees the end.
    """
    for _ in range(2000):
        socket.send(text)
    while True:
        socket.recv()


def test_a_stranger_gets_no_answer_500_and_no_memory(simulated: Site, program: Program) -> None:
    for headers in (
        {"Origin": "http://["},
        {"Cookie": "SSO_COOKIE_KEY=\xff"},
        {"Authorization": "Bearer \xff"},
    ):
        hello = '[{"channel": "/meta/handshake"}]'
        status, _ = program.raw("POST", "/api/v1/publish", hello, **headers)
        assert status in (200, 403), headers
        assert program.raw("GET", "/api/v1/events?channel=%FF", **headers)[0] == 401
    address = f"ws://{simulated.http.partition('//')[2]}/api/v1/publish"
    socket = websocket.create_connection(address, timeout=60)
    long_id = json.dumps({"channel": "/meta/connect", "clientId": "x", "id": "i" * 60_000})
    with pytest.raises((OSError, websocket.WebSocketConnectionClosedException)):
        say_until_cut_off(socket, long_id)
    socket.close()


def test_events_of_the_past_are_read_once_for_all_channels_of_a_message(
    poller: LongPolling, program: Program
) -> None:
    poller.subscribe("/confs/**")
    number = program.create()["conf_id"]
    while not poller.heard:
        poller.connect()
    seen = poller.heard.pop()["ext"]["seq"] - 1
    poller.handshake()
    names = [f"/userdomains/{poller.moid}/confs/{end}" for end in ("*", "**", number, "1", "2")]
    answer = poller.ask("/meta/subscribe", subscription=names, ext={"replay": seen})
    assert (answer["successful"], answer["subscription"]) == (True, names)
    poller.connect()
    assert [event["channel"] for event in poller.heard if "data" in event][:1] == [names[2]]


def test_a_stream_ends_when_somebody_else_uses_its_token(simulated: Site, program: Program) -> None:
    stream = Stream(simulated.http, f"?account_token={program.token}")
    assert stream.status == 200
    (ben,) = (a for a in simulated.demo["accounts"] if a["username"] == "ben")
    assert program.post("system/login", username="ben", password=ben["password"])["success"] == 1
    assert list(stream.events()) == []


def test_listening_ends_with_the_sign_in(
    simulated: Site, program: Program, poller: LongPolling
) -> None:
    stream = Stream(simulated.http, Cookie=program.cookie)
    socket = WebSocket(simulated.http, program.cookie)
    assert socket.handshake()["successful"]
    socket.connect()
    poller.connect()
    (person,) = (a for a in simulated.demo["accounts"] if a["username"] == "anna")
    again = {"username": "anna", "password": person["password"]}
    # A second login by the same token makes the first one void.
    threading.Timer(0.2, program.post, ["system/login"], again).start()
    while (answer := poller.connect())["successful"]:
        pass
    assert answer["advice"]["reconnect"] == "handshake"
    while (answer := poller.handshake())["successful"]:  # a sign-in is remembered for a second
        poller.connect()
        poller.connect()
    assert answer["ext"]["error_code"] in (10002, 10102)
    assert socket.connect()["successful"] is False
    assert list(stream.events()) == []
    socket.close()
