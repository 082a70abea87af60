"""Four workers, two beats, the same message twice: each thing is done once (I3, I4)."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from conferences.flows import due as flow
from conferences.models import Conference, Number
from domains.management.commands.load_demo import DEMO_TENANT
from foundation.bus.models import Inbox, Outbox, Parked
from tests.integration.conftest import at_once, create, delivery, do, seats

pytestmark = pytest.mark.xdist_group("integration")


def staged_bodies(kind: str) -> list[dict[str, object]]:
    bodies = [json.loads(bytes(row.body)) for row in Outbox.objects.all()]
    return [body for body in bodies if body["type"] == kind]


def make_due(count: int, place: str) -> None:
    """Create so many conferences whose RMS has not answered in time."""
    do(place, *(create(f"r{n}") for n in range(count)))
    for row in Conference.objects.all():
        row.detail["answer_by"] = row.detail["created_at"]
        row.due_at = row.created_at - timedelta(seconds=1)
        row.save()


def test_the_same_request_on_four_workers_makes_one_conference(place: str) -> None:
    at_once(4, lambda _: do(place, create("same")))
    assert Conference.objects.count() == seats(place) == len(staged_bodies("GET_RES_REQ")) == 1
    assert Inbox.objects.count() == 1
    assert Parked.objects.count() == 0


def test_twelve_workers_at_the_limit_grant_exactly_what_is_left(place: str) -> None:
    at_once(12, lambda worker: do(place, *(create(f"{worker}-{n}") for n in range(10))))
    assert Conference.objects.filter(live_e164__isnull=False).count() == seats(place) == 60
    refused = staged_bodies("MAU_CM_CREATECONF_NACK")
    assert len(refused) == 60
    assert {r["errcode"] for r in refused} == {"29006"}
    assert len({c.e164 for c in Conference.objects.all()}) == 60


def test_four_timers_at_once_end_each_conference_once(place: str) -> None:
    make_due(40, place)
    at_once(4, lambda _: flow.handle_due_conferences(place))
    assert set(Conference.objects.values_list("state", flat=True)) == {"ended"}
    assert len(staged_bodies("MAU_CM_CREATECONF_NACK")) == 40
    assert seats(place) == 0
    assert Number.objects.filter(taken=True).count() == 0


def test_releases_and_timers_at_once_end_each_conference_once(place: str) -> None:
    make_due(30, place)
    numbers = list(Conference.objects.values_list("e164", flat=True))

    def worker(which: int) -> None:
        if which % 2:
            flow.handle_due_conferences(place)
            return
        body = {"type": "CM_MAU_RELEASECONF_REQ"}
        do(place, *(delivery({**body, "reqid": f"{which}{n}", "confE164": n}) for n in numbers))

    at_once(4, worker)
    assert seats(place) == 0
    assert set(Conference.objects.values_list("state", flat=True)) == {"ended"}
    assert len(staged_bodies("MAU_CM_CREATECONF_NACK")) == 30


def test_the_same_number_wanted_by_four_workers_is_given_once(place: str) -> None:
    at_once(4, lambda n: do(place, create(f"w{n}", confE164="123456")))
    assert Conference.objects.filter(e164="123456").count() == 1
    assert {r["errcode"] for r in staged_bodies("MAU_CM_CREATECONF_NACK")} == {"29009"}


def test_a_handler_that_always_fails_is_parked_and_the_rest_of_its_batch_is_done(
    place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from foundation.bus import registry
    from foundation.bus.message import Message
    from wire.conference_manager import CreateConference

    kind: type[Message] = CreateConference
    real, tries = registry.HANDLERS[kind], []

    def cursed(site: object, request: CreateConference, envelope: object) -> None:
        if request.name == "cursed":
            tries.append(request)
            raise RuntimeError("cursed")
        real(site, request, envelope)

    cursed.__module__ = real.__module__
    monkeypatch.setitem(registry.HANDLERS, kind, cursed)
    do(place, create("a"), create("b", confname="cursed"), create("c"))
    assert Conference.objects.count() == 2
    assert len(tries) == 6  # once in the batch, five times alone
    parked = Parked.objects.get()
    assert "cursed" in parked.reason
    assert {n["errcode"] for n in staged_bodies("MAU_CM_CREATECONF_NACK")} == {"29001"}


def test_a_gate_that_is_closed_refuses_with_29005_and_writes_nothing(place: str) -> None:
    from foundation.cells.models import Cell

    Cell.objects.update(owner="another-site")
    outcome = do(place, create("late"))
    assert Conference.objects.count() == Outbox.objects.count() == Inbox.objects.count() == 0
    assert json.loads(outcome.rows[0].body)["errcode"] == "29005"
    Cell.objects.update(owner=place)
    do(place, create("late"))
    assert Conference.objects.count() == 1


def test_an_unknown_tenant_and_a_disabled_one_are_refused(place: str) -> None:
    from domains.models import Domain, ServiceDomain

    do(place, create("u", moid="nobody"))
    ServiceDomain.objects.update(used=False)
    do(place, create("d"))
    Domain.objects.update(used=True)
    do(place, create("h", resolution="1080p"))
    codes = [n["errcode"] for n in staged_bodies("MAU_CM_CREATECONF_NACK")]
    assert codes == ["29002", "29003"]
    assert Conference.objects.get().user_domain == DEMO_TENANT
