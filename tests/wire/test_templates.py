"""Public templates, conferences by template, and the number registry, as another maker's programs see them."""

from __future__ import annotations

import time
import uuid
from typing import Any

import pytest

from deploy.stand.site import Site
from tests.wire.actors import TENANT, TO_UPU, Manager, MediaUnit
from tests.wire.conftest import Taps
from tests.wire.line import Body, Line, ReceivedMessage, Tap

pytestmark = pytest.mark.xdist_group("wire")


def add(cm: Manager, **fields: Any) -> Body:
    """Add a public template; the ACK."""
    usual = {"moid": TENANT, "templatename": uuid.uuid4().hex, "confname": "Weekly", "duration": 30}
    ack = cm.ask("CM_MAU_CREATETEMPLATE_REQ", **(usual | fields))
    assert ack["type"] == "MAU_CM_CREATETEMPLATE_ACK", ack.body
    return ack.body


class Gateway(Tap):
    """A gateway that asks the registry what a number is."""

    def asks(self, sent_at: int | None = None, **fields: Any) -> Body:
        """Return the answer of the registry to a question that is sent now, or was at `sent_at`."""
        body = {"type": "GW_UPU_GETCONF_REQ", "reqid": uuid.uuid4().hex, **fields}
        around: dict[str, Any] = {"timestamp": sent_at} if sent_at else {}
        self.line.say(*TO_UPU, body, reply_to=self.queue, correlation_id=body["reqid"], **around)

        def there() -> ReceivedMessage | None:
            marked = (m for m in self.heard if m.properties.correlation_id == body["reqid"])
            return next(marked, None)

        answer = self.line.wait(there, 10, lambda: f"an answer to {body}")
        self.heard.remove(answer)
        return answer.body

    def is_told(self, number: str, *states: str) -> list[Body]:
        """Wait until the registry knows a number in these states, and return what it knows."""

        def told() -> list[Body] | None:
            confs: list[Body] = self.asks(confE164=number).get("confs", [])
            return confs if tuple(conf["state"] for conf in confs) == states else None

        if states:
            return self.line.wait(told, 20, lambda: f"{number} is {states}")
        gone = lambda: self.asks(confE164=number)["type"].endswith("_NACK") or None  # noqa: E731
        self.line.wait(gone, 20, lambda: f"{number} is gone")
        return []


@pytest.fixture
def gateway(line: Line) -> Any:
    """Return a gateway, which leaves at the end."""
    asker = Gateway(line)
    yield asker
    asker.leave()


def test_a_template_is_added_changed_and_deleted_and_the_registry_follows(
    cm: Manager, gateway: Gateway, platform: str
) -> None:
    ack = add(cm, templatename="Board, weekly")
    number = ack["confE164"]
    (entry,) = gateway.is_told(number, "idle")
    assert entry == {
        "confE164": number,
        "conftype": 3,
        "confname": "Board, weekly",
        "userdomainmoid": TENANT,
        "platformmoid": platform,
        "state": "idle",
    }
    one = {"moid": TENANT, "templateid": ack["templateid"]}
    changed = cm.ask("CM_MAU_MDFTEMPLATE_REQ", **one, confE164=f"{number}99")
    assert changed.body == {
        **ack,
        "type": "MAU_CM_MDFTEMPLATE_ACK",
        "reqid": changed["reqid"],
        "confE164": f"{number}99",
    }
    assert gateway.is_told(f"{number}99", "idle")[0]["confname"] == "Board, weekly"
    gateway.is_told(number)
    taken = cm.asks("CM_MAU_CREATETEMPLATE_REQ", moid=TENANT, templatename="Board, weekly")
    assert cm.is_refused("29019", taken)["detail"].startswith("templatename:")
    deleted = cm.ask("CM_MAU_DELTEMPLATE_REQ", **one)
    assert deleted["type"] == "MAU_CM_DELTEMPLATE_ACK"
    gateway.is_told(f"{number}99")
    cm.is_refused("29018", cm.asks("CM_MAU_DELTEMPLATE_REQ", **one))


def test_two_who_ask_at_once_get_one_conference_whose_number_stays_the_templates(
    cm: Manager, unit: MediaUnit, gateway: Gateway
) -> None:
    template = add(cm)
    number = template["confE164"]
    one = {"moid": TENANT, "templateid": template["templateid"]}
    for _ in range(2):
        requests = [cm.asks("CM_MAU_CREATECONFBYTEMP_REQ", **one) for _ in range(2)]
        order = unit.takes(confE164=number)
        assert (order["confname"], bool(order["endtime"])) == ("Weekly", True)
        acks = [cm.answer(request) for request in requests]
        assert {ack["type"] for ack in acks} == {"MAU_CM_CREATECONFBYTEMP_ACK"}
        assert len({ack["confid"] for ack in acks}) == 1
        running, idle = gateway.is_told(number, "running", "idle")
        assert (running["confname"], running["conftype"]) == ("Weekly", 3)
        short = gateway.asks(shortnum=number[-5:])
        assert short["confs"] == [running, idle]
        assert cm.release(number)["type"] == "MAU_CM_RELEASECONF_ACK"
        cm.is_refused("29009", cm.asks_to_create(confE164=number))
        gateway.is_told(number, "idle")
    cm.ask("CM_MAU_DELTEMPLATE_REQ", **one)


def test_the_registry_says_what_it_does_not_know(gateway: Gateway, site: Site) -> None:
    assert gateway.asks(confE164="99")["errcode"] == "29010"
    assert gateway.asks(shortnum="99")["detail"].startswith("shortnum:")
    assert gateway.asks()["errcode"] == "29010"


def test_a_question_that_comes_late_is_refused_and_one_that_comes_twice_is_answered_twice(
    gateway: Gateway, cm: Manager
) -> None:
    template = add(cm)
    number = template["confE164"]
    gateway.is_told(number, "idle")
    late = gateway.asks(sent_at=int(time.time()) - 3600, confE164=number)
    assert (late["type"], late["errcode"]) == ("UPU_GW_GETCONF_NACK", "29005")
    assert late["detail"] == "expired"
    first, second = (gateway.asks(confE164=number, reqid="twice") for _ in range(2))
    assert first == second
    cm.ask("CM_MAU_DELTEMPLATE_REQ", moid=TENANT, templateid=template["templateid"])
    gateway.is_told(number)


def test_a_late_notice_changes_nothing(
    gateway: Gateway, tap: Taps, cm: Manager, line: Line
) -> None:
    upu = tap(TO_UPU)
    template = add(cm)
    number = template["confE164"]
    added = upu.hears("CSS_UPU_ADDCONF_NTF", confE164=number)
    gateway.is_told(number, "idle")
    cm.ask("CM_MAU_DELTEMPLATE_REQ", moid=TENANT, templateid=template["templateid"])
    gateway.is_told(number)
    again = {
        "app_id": added.properties.app_id,
        "message_id": added.properties.message_id,
        "timestamp": added.properties.timestamp,
    }
    line.say(*TO_UPU, added.body, **again)
    assert gateway.asks(confE164=number)["errcode"] == "29010"


def test_a_notice_that_comes_twice_is_one_entry_and_a_foreign_schedulers_counts_as_it_arrives(
    gateway: Gateway, line: Line, platform: str
) -> None:
    number = f"77{uuid.uuid4().int % 10**7:07}"
    entry = {
        "confE164": number,
        "conftype": 1,
        "confname": "Foreign",
        "userdomainmoid": TENANT,
        "platformmoid": platform,
        "state": "running",
    }
    foreign = {"app_id": f"css@{uuid.uuid4()}", "message_id": "no-id-of-ours"}
    for _ in range(2):
        line.say(*TO_UPU, {"type": "CSS_UPU_ADDCONF_NTF", **entry}, **foreign)
    assert gateway.is_told(number, "running") == [entry]
    renamed = {**entry, "confname": "Renamed"}
    line.say(*TO_UPU, {"type": "CSS_UPU_MDFCONF_NTF", **renamed}, app_id=foreign["app_id"])
    line.wait(
        lambda: gateway.asks(confE164=number)["confs"] == [renamed] or None,
        20,
        lambda: "the new name",
    )
    for _ in range(2):
        line.say(*TO_UPU, {"type": "CSS_UPU_DELCONF_NTF", **renamed}, app_id=foreign["app_id"])
    gateway.is_told(number)


def test_a_notice_without_a_field_is_parked_and_the_registry_goes_on(
    gateway: Gateway, cm: Manager, line: Line
) -> None:
    line.say(*TO_UPU, {"type": "CSS_UPU_ADDCONF_NTF", "confE164": "771"}, app_id="css@nobody")
    assert gateway.asks(confE164="771")["errcode"] == "29010"
    template = add(cm)
    gateway.is_told(template["confE164"], "idle")
    cm.ask("CM_MAU_DELTEMPLATE_REQ", moid=TENANT, templateid=template["templateid"])
