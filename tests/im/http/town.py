"""People of two tenants call the HTTP API and write messages as the center would store them."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from domains.flows import change, people
from domains.management.commands.load_demo import DEMO_TENANT
from domains.models import Account, ServiceDomain, UserDomain
from foundation import clock
from foundation.bus.models import Outbox
from foundation.cells.directory import own_platform, store_of
from im.data.membership import MemberCache
from im.flows.process import process
from im.rules import tokens
from im.rules.messages import BatchResult, IncomingRequest, LoggedRequest, Say
from im.rules.vocabulary import Type
from tests.web_clients import BareClient

OTHER_TENANT = "10000000-0000-4000-8000-000000000002"
Body = dict[str, Any]


@dataclass
class Answer:
    """The answer of a call."""

    status: int
    body: Body

    def __getitem__(self, name: str) -> Any:
        return self.body[name]


@dataclass
class Someone:
    """A person with a token."""

    account: Account
    token: str
    client: BareClient = field(default_factory=BareClient)

    @property
    def id(self) -> str:
        """Return the user id."""
        return str(self.account.moid)

    def call(self, method: str, path: str, body: Body | None = None, **headers: str) -> Answer:
        """Make a call under `/api/v1/im/`."""
        reply = self.client.generic(
            method,
            f"/api/v1/im/{path}",
            json.dumps(body) if body is not None else "",
            content_type="application/json",
            headers={"Authorization": f"Bearer {self.token}", **headers},
        )
        return Answer(reply.status_code, json.loads(reply.content))

    def get(self, path: str) -> Answer:
        """Make a GET call."""
        return self.call("GET", path)

    def post(self, path: str, body: Body | None = None, **headers: str) -> Answer:
        """Make a POST call."""
        return self.call("POST", path, body or {}, **headers)

    def put(self, path: str, body: Body | None = None) -> Answer:
        """Make a PUT call."""
        return self.call("PUT", path, body or {})

    def patch(self, path: str, body: Body) -> Answer:
        """Make a PATCH call."""
        return self.call("PATCH", path, body)

    def delete(self, path: str) -> Answer:
        """Make a DELETE call."""
        return self.call("DELETE", path)

    # ---- what tests do often ------------------------------------------------------------------

    def writes_to(self, other: Someone) -> str:
        """Return the one-to-one conversation with another person."""
        created = self.post("conversations", {"kind": "direct", "user": other.id})
        assert created.status == 200, created.body
        return str(created["conversation"]["conversation_id"])

    def founds(self, *others: Someone, **more: Any) -> str:
        """Create a group."""
        users = [other.id for other in others]
        wanted = {"kind": "group", "name": "Hikers", "users": users, **more}
        created = self.post("conversations", wanted)
        assert created.status == 200, created.body
        return str(created["conversation"]["conversation_id"])

    def shown(self, number: str) -> Body:
        """Return a conversation as this person sees it."""
        return dict(self.get(f"conversations/{number}")["conversation"])

    def log(self, number: str, query: str = "") -> list[Body]:
        """Return a page of a log."""
        return list(self.get(f"conversations/{number}/messages{query}")["entries"])

    def members(self, number: str) -> dict[str, Body]:
        """Return the members by id."""
        return {m["user_id"]: m for m in self.get(f"conversations/{number}/members")["members"]}

    def does(self, wish: LoggedRequest, mark: str | None = None) -> BatchResult:
        """Process a request as the center would."""
        request = IncomingRequest(self.id, "", wish, mark or uuid4().hex)
        return process(store_of(own_platform()), MemberCache(), [request], clock.now())

    def says(self, number: str, body: str, mark: str | None = None, **more: Any) -> int:
        """Write a message; return its seq, or 0 if it was refused."""
        outcome = self.does(Say(int(number), Type.TEXT, body, **more), mark)
        return outcome.entries[0].seq if outcome.entries else 0


def someone(name: str, domain: str = DEMO_TENANT) -> Someone:
    """Create a person of a tenant, signed in."""
    tenant = UserDomain.objects.get(moid=domain)
    account = Account.objects.filter(username=name).first()
    account = account or people.create(None, username=name, domain=tenant)
    token, _ = tokens.issue(account.moid, own_platform(), tokens.Bearer.USER, time.time())
    return Someone(account, token)


def other_tenant(moid: str = OTHER_TENANT, platform: str = "") -> None:
    """Create a second tenant, on the same platform or on a neighbour's."""
    parent, home = ServiceDomain.objects.get(), platform or own_platform()
    tenant = UserDomain(moid=moid, name=moid, parent=parent, platform_id=home, findable=True)
    change.save_domain(tenant)
    change.change(DEMO_TENANT, findable=True)


def pushed() -> list[tuple[str, Body, set[str]]]:
    """Return and forget what is staged for the clients' broker: routing key, content, further keys."""
    rows = Outbox.objects.filter(destination="im").order_by("id")
    pushes = []
    for row in rows:
        more = {*row.properties.get("headers", {}).get("BCC", [])}
        pushes.append((row.routing_key, json.loads(bytes(row.body)), more))
    rows.delete()
    return pushes
