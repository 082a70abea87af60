"""Templates and numbers over takeover and hand-back: changed where they are served, known to each registry."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from conferences.data.registry_rows import entries_of
from conferences.flows import number_reports
from domains.management.commands.load_demo import DEMO_TENANT
from foundation import clock
from foundation.bus.dispatch import handle_batch
from foundation.cells.directory import store_of
from tests.integration.conftest import delivery
from tests.integration.two_sites import WEST, Body, TwoSites
from wire.routes import Routes

pytestmark = [
    pytest.mark.xdist_group("integration"),
    pytest.mark.django_db(transaction=True, databases=["default", "west"]),
]

UPU = Routes.TO_UPU.value.queue


def ask(two: TwoSites, site: str, kind: str, **fields: Any) -> Body:
    """Ask something of east's tenant at a site; the answer."""
    body = {"type": kind, "moid": DEMO_TENANT, "reqid": f"{kind}-{site}", **fields}
    two.tell(site, body, reply_to="asker", correlation_id="mark")
    return next(b for b in two.heard[site, "asker"] if b.get("reqid") == body["reqid"])


def registries_follow(two: TwoSites) -> None:
    """Let each site that lives look who serves what, as its timer does."""
    for site in {two.east, two.west} - two.dead:
        with two.at(site):
            number_reports._handled.clear()
            number_reports.follow_served_platforms()
    two.settle()


def told(two: TwoSites, site: str, number: str) -> list[tuple[str, str, str]]:
    """Return what a site's registry was told of a number since the last call: kind, state and platform."""
    notices = [b for b in two.heard[site, UPU] if b["confE164"] == number]
    two.heard[site, UPU].clear()
    return [(b["type"][8:11], b["state"], b["platformmoid"]) for b in notices]


def test_a_kept_number_follows_the_site_that_serves_it(two: TwoSites) -> None:
    east, west = two.east, two.west
    made = ask(two, east, "CM_MAU_CREATETEMPLATE_REQ", templatename="Weekly", templateid="t1")
    number = made["confE164"]
    registries_follow(two)
    assert told(two, east, number) == [("ADD", "idle", east)] * 2, "made, and at the start"
    assert told(two, west, number) == []

    two.dead.add(east)
    two.serve(east, west)
    registries_follow(two)
    assert told(two, west, number) == [("ADD", "idle", east)]
    begun = ask(two, west, "CM_MAU_CREATECONFBYTEMP_REQ", templateid="t1")
    assert (begun["type"][-3:], begun["confE164"]) == ("ACK", number)
    assert told(two, west, number) == [("ADD", "running", WEST)]
    refused = ask(two, west, "CM_MAU_CREATECONF_REQ", confname="x", confE164=number)
    assert refused["errcode"] == "29009"
    again = ask(two, west, "CM_MAU_CREATETEMPLATE_REQ", templatename="Weekly", confname="x")
    assert again["errcode"] == "29019"
    changed = ask(two, west, "CM_MAU_MDFTEMPLATE_REQ", templateid="t1", templatename="Monthly")
    assert (changed["type"][-3:], changed["confE164"]) == ("ACK", number)
    assert told(two, west, number) == [("MDF", "idle", east)]

    two.dead.clear()
    two.serve(east, east)
    registries_follow(two)
    assert told(two, west, number) == [("DEL", "idle", east)], "what runs there stays"
    assert ("ADD", "idle", east) in (notices := told(two, east, number))
    assert ("ADD", "running", WEST) in notices
    joined = ask(two, east, "CM_MAU_CREATECONFBYTEMP_REQ", templateid="t1")
    assert joined["confid"] == begun["confid"]
    ask(two, east, "CM_MAU_RELEASECONF_REQ", confE164=number)
    for site in (east, west):
        assert told(two, site, number) == [("DEL", "running", WEST)]
    registries_follow(two)
    assert told(two, west, number) == []


def test_what_is_kept_is_refused_where_it_is_not_served(two: TwoSites) -> None:
    starttime = (clock.now() + timedelta(days=1)).isoformat()
    for name, fields in {
        "CREATETEMPLATE": {"templatename": "Weekly"},
        "CREATECONFBYTEMP": {"templateid": "t1"},
        "ADDBOOKCONF": {"confname": "x", "starttime": starttime},
        "DELBOOKCONF": {"bookid": "b1"},
    }.items():
        refused = ask(two, two.west, f"CM_MAU_{name}_REQ", **fields)
        assert (refused["type"], refused["errcode"]) == (f"MAU_CM_{name}_NACK", "29005")


def states(two: TwoSites, site: str, number: str) -> list[str]:
    """Return the states of a number's entries in a site's own registry."""
    with two.at(site):
        return [entry.state for entry in entries_of(store_of(site).database, number)]


def test_what_the_backup_deletes_leaves_the_registry_of_a_home_that_is_back(two: TwoSites) -> None:
    east, west = two.east, two.west
    number = ask(two, east, "CM_MAU_CREATETEMPLATE_REQ", templatename="Weekly", templateid="t1")[
        "confE164"
    ]
    two.dead.add(east)
    two.serve(east, west)
    registries_follow(two)
    ask(two, west, "CM_MAU_CREATECONFBYTEMP_REQ", templateid="t1")
    assert states(two, west, number) == ["running", "idle"]
    two.dead.clear()
    two.settle()
    assert states(two, east, number) == ["running", "idle"]
    ask(two, west, "CM_MAU_RELEASECONF_REQ", confE164=number)
    ask(two, west, "CM_MAU_DELTEMPLATE_REQ", templateid="t1")
    assert (states(two, east, number), states(two, west, number)) == ([], [])


def test_what_a_lost_site_had_not_told_its_registry_is_told_to_it_and_to_no_other(
    two: TwoSites,
) -> None:
    east, west = two.east, two.west
    number = ask(two, east, "CM_MAU_CREATETEMPLATE_REQ", templatename="Weekly", templateid="t1")[
        "confE164"
    ]
    body = {"type": "CM_MAU_DELTEMPLATE_REQ", "moid": DEMO_TENANT, "templateid": "t1"}
    with two.at(east):
        handle_batch([delivery({**body, "reqid": "d"})], publish_inline=False)
    two.dead.add(east)
    two.forget()
    two.serve(east, west)
    assert two.heard[west, UPU] == []
    assert states(two, east, number) == ["idle"]
    two.dead.clear()
    two.settle()
    assert states(two, east, number) == []


def test_after_a_hand_back_the_backups_registry_keeps_nothing_that_home_has_deleted(
    two: TwoSites,
) -> None:
    east, west = two.east, two.west
    number = ask(two, east, "CM_MAU_CREATETEMPLATE_REQ", templatename="Weekly", templateid="t1")[
        "confE164"
    ]
    two.serve(east, west)
    registries_follow(two)
    assert states(two, west, number) == ["idle"]
    two.serve(east, east)
    ask(two, east, "CM_MAU_DELTEMPLATE_REQ", templateid="t1")
    registries_follow(two)
    assert (states(two, east, number), states(two, west, number)) == ([], [])
