"""Queues that nobody may read are limited in number, bytes and time, on whatever broker."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from io import StringIO
from typing import Any
from urllib.parse import unquote

import pytest
from django.conf import settings
from django.core.management import call_command

from conferences.management import doctor_checks
from foundation.bus import management_api
from foundation.bus.amqp import close, connect
from foundation.web.findings import Finding
from im.data import broker
from im.rules.topology import ingress
from tests.im.door import GROUP, eventually

pytestmark = [pytest.mark.xdist_group(GROUP)]

STRANGERS = ("upu.conf.q", "mau.dead.q", "cmu.conf.q:10.0.0.9:gone")
SERVERS = ("queue_center", "queue_balance", "queue_media", "queue_comm_gb", "im.dead")
DEVICE = "queue_u_nobody_1"


@pytest.fixture
def limited(im_site: str) -> Iterator[None]:
    """Declare everything, with a queue of a unit and one of a device that are gone."""
    call_command("declare_topology", stdout=StringIO())
    for url, name in ((settings.AMQP_URL, STRANGERS[-1]), (settings.IM_AMQP_URL, DEVICE)):
        connection: Any = connect(url)
        channel = connection.channel()
        channel.queue_declare(name, durable=True, auto_delete=False)
        close(connection, politely=True)
    yield
    for url, name in ((settings.AMQP_URL, STRANGERS[-1]), (settings.IM_AMQP_URL, DEVICE)):
        connection = connect(url)
        connection.channel().queue_delete(name)
        close(connection, politely=True)


def limits_on(amqp_url: str, queues: Collection[str]) -> dict[str, dict[str, int]]:
    """Return the limits that the broker applies to these queues, once it has seen all of them."""
    vhost = management_api.vhost_in_path(amqp_url)
    path = f"/queues/{vhost}"
    found: dict[str, dict[str, int]] = {}

    def are_all_limited() -> bool:
        for row in management_api.list_rows(settings.RABBITMQ_MANAGEMENT_URL, path):
            limits = row.get("effective_policy_definition")
            found[str(row["name"])] = limits if isinstance(limits, dict) else {}
        return all(found.get(name) for name in queues)

    eventually(are_all_limited)
    return {name: found[name] for name in queues}


def test_every_queue_is_limited_that_nobody_may_read_and_what_waits_for_a_center_in_bytes(
    limited: None,
) -> None:
    strangers = limits_on(settings.AMQP_URL, STRANGERS)
    clients = limits_on(settings.IM_AMQP_URL, (*SERVERS, DEVICE, ingress(0)))
    for name, set_now in (strangers | clients).items():
        if name == ingress(0):
            continue
        assert {"max-length", "max-length-bytes", "message-ttl"} <= set(set_now), name
    assert "expires" in strangers[STRANGERS[-1]]
    assert "expires" in clients[DEVICE]
    assert clients[ingress(0)]["max-length-bytes"] == 128 * 2**20, "without a new queue"


def test_the_doctor_says_which_limits_are_missing_and_how_to_set_them(limited: None) -> None:
    def findings() -> dict[str, Finding]:
        return {finding.check: finding for finding in doctor_checks.examine_site()}

    assert findings()["limits of queues"].is_ok
    assert findings()["limits of clients' queues"].is_ok
    url = settings.RABBITMQ_MANAGEMENT_URL
    for vhost, name in (("%2F", "limits.dead"), ("im", "im.ingress")):
        management_api.call_api(url, "DELETE", f"/operator-policies/{vhost}/{name}")
    wrong = findings()
    assert "limits.dead" in wrong["limits of queues"].wrong
    assert "im.ingress" in wrong["limits of clients' queues"].wrong
    call_command("declare_topology", stdout=StringIO())
    assert findings()["limits of queues"].is_ok


def test_the_doctor_says_so_where_it_cannot_look(limited: None, settings: Any) -> None:
    settings.RABBITMQ_MANAGEMENT_URL = ""
    out = StringIO()
    with pytest.raises(SystemExit):
        call_command("doctor", "--json", stdout=out)
    [finding] = [
        each
        for each in json.loads(out.getvalue())["findings"]
        if each["check"] == "limits of queues"
    ]
    assert "RABBITMQ_MANAGEMENT_URL" in finding["todo"]


def test_the_tracer_changes_nothing_else_of_the_virtual_host(im_site: str) -> None:
    path = f"/vhosts/{management_api.vhost_in_path(settings.IM_AMQP_URL)}"
    before = {"description": "for people's clients", "tags": "ours,chat"}
    management_api.call_api(settings.IM_MANAGEMENT_URL, "PUT", path, before)
    for on in (True, False):
        broker.set_tracing(on=on)
        (host,) = [
            row
            for row in management_api.list_rows(settings.IM_MANAGEMENT_URL, "/vhosts")
            if row["name"] == unquote(path.rpartition("/")[2])
        ]
        assert (host["tracing"], host["description"]) == (on, "for people's clients")
        assert host["tags"] == ["ours", "chat"]
