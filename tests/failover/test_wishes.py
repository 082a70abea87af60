"""Operators and the register: what they ask for is written once, or refused in a sentence."""

from __future__ import annotations

import json
from dataclasses import replace
from io import StringIO
from typing import Any

import pytest
from auditlog.models import LogEntry
from django.core.management import CommandError, call_command
from django.db import connection
from django.urls import reverse
from pytest_django import Settings

from domains.flows import change
from domains.models import Account, MachineRoom, PlatformDomain, ServiceDomain
from failover.data import register_view
from failover.data.cells.register import Register as AgentRegister
from failover.data.cells.register import Report
from failover.flows import operator_requests, recovery_mode, rooms, status
from failover.models import FailoverEvent, Register
from failover.rules.cell_facts import Mode
from tests.admin_tree.test_forms import platform_form
from tests.integration.conftest import place
from tests.web_clients import Browser

__all__ = ["place"]

WEST = "20000000-0000-4000-8000-000000000002"
WELL = Report(role="copy", well=True, lag=0, sentence="fine")


@pytest.fixture
def east(place: str, settings: Settings) -> str:
    """Return a platform whose backup is west; both report that they are well."""
    address = connection.settings_dict
    url = f"{address['USER']}:{address['PASSWORD']}@{address['HOST']}:{address['PORT']}"
    settings.REGISTER_URL = f"mysql://{url}/{address['NAME']}"
    service = ServiceDomain.objects.get()
    west = PlatformDomain(moid=WEST, name="west", parent=service, e164_prefix="9900")
    change.save_domain(west)
    Register.objects.create(
        platform=place, home=place, backup=WEST, epoch=4, owner=place, solo=False
    )
    for site in (place, WEST):
        report_as_agent(place, site, WELL)
    return place


def report_as_agent(platform: str, site: str, report: Report) -> None:
    """Write a report as a site's agent does."""
    from django.conf import settings

    link = AgentRegister(settings.REGISTER_URL, platform, site)
    link.write_report(report)
    link.close()


def dr(*words: str) -> str:
    """Run the command, and return its output."""
    out = StringIO()
    call_command("dr", *words, stdout=out)
    return out.getvalue()


def test_a_takeover_of_a_healthy_platform_is_refused_unless_it_is_meant(east: str) -> None:
    with pytest.raises(
        operator_requests.RequestRefused, match="is healthy and serves its platform"
    ):
        operator_requests.takeover(east, "ann")
    operator_requests.takeover(east, "ann", anyway=True)
    row = Register.objects.get()
    assert (row.wish, row.wish_by, row.wish_force) == (WEST, "ann", False)
    assert "ann" in FailoverEvent.objects.get().because


def test_the_second_of_two_operators_is_refused(east: str) -> None:
    before = register_view.read().rows[east]
    operator_requests.takeover(east, "ann", anyway=True)
    with pytest.raises(operator_requests.RequestRefused, match="ann has just asked"):
        operator_requests.takeover(east, "ben", anyway=True)
    assert not register_view.write_mode_and_request(
        before, replace(before, wish=east), "handback wanted", "s", "late"
    )
    assert Register.objects.get().wish_by == "ann"


def test_a_hand_back_to_a_site_that_is_not_well_is_refused(east: str) -> None:
    Register.objects.update(owner=WEST, epoch=5)
    report_as_agent(
        east, east, Report(role="down", well=False, lag=None, sentence="my database is down")
    )
    with pytest.raises(
        operator_requests.RequestRefused, match="is not healthy: my database is down"
    ):
        operator_requests.handback(east, "ann")
    report_as_agent(east, east, WELL)
    operator_requests.handback(east, "ann")
    assert Register.objects.get().wish == east


def test_the_mode_is_set_in_the_tree_and_the_register_follows(east: str) -> None:
    operator_requests.set_mode(east, "ann", Mode.OFF)
    assert PlatformDomain.objects.get(pk=east).dr_mode == "off"
    assert Register.objects.get().mode == "off"
    change.change(east, dr_mode="auto")
    recovery_mode.copy_modes()
    assert Register.objects.get().mode == "auto"


def test_modes_are_set_at_the_core_alone(east: str, settings: Settings) -> None:
    settings.CORE_MOID, settings.CORE_URL, settings.ROLES = WEST, "https://core", {"css"}
    with pytest.raises(operator_requests.RequestRefused, match="at the core: https://core"):
        operator_requests.set_mode(east, "ann", Mode.OFF)


def test_status_says_who_serves_and_what_agents_say(east: str) -> None:
    facts: dict[str, Any] = json.loads(dr("status", "--json"))
    (cell,) = facts["cells"]
    assert (cell["state"], cell["protected"], cell["backup"]) == ("normal", True, "west")
    assert {copy["site"] for copy in cell["copies"]} == {cell["name"], "west"}
    assert "protected, mode auto" in dr("status")


def test_the_command_refuses_in_a_sentence_and_tries_without_doing(east: str) -> None:
    with pytest.raises(CommandError, match="healthy"):
        dr("takeover", east, "--yes")
    assert "takeover wanted" in dr("takeover", east, "--dry-run", "--anyway")
    assert Register.objects.get().wish == ""
    with pytest.raises(CommandError, match="which platform"):
        dr("handback", "nowhere", "--yes")


def test_without_its_register_a_site_knows_its_own_cells(east: str, settings: Settings) -> None:
    settings.REGISTER_URL = "mysql://nobody:x@127.0.0.1:1/none"
    facts = status.read_status()
    assert "the register is away" in facts["away"]
    assert [(cell["state"], cell["epoch"]) for cell in facts["cells"]] == [("normal", 1)]
    with pytest.raises(CommandError, match="the register is away"):
        dr("takeover", east, "--yes")


def test_who_is_fenced_must_have_somebody_to_take_over(east: str) -> None:
    report_as_agent(
        east, WEST, Report(role="copy", well=False, lag=None, sentence="my copy is not complete")
    )
    with pytest.raises(
        operator_requests.RequestRefused, match="can not take over: my copy is not complete"
    ):
        operator_requests.fence(east, "ann")
    report_as_agent(east, WEST, WELL)
    Register.objects.update(solo=True)
    with pytest.raises(operator_requests.RequestRefused, match="may lack its last writes"):
        operator_requests.fence(east, "ann")
    Register.objects.update(solo=False)
    operator_requests.fence(east, "ann")
    row = Register.objects.get()
    assert (row.wish, row.wish_by, row.wish_fence) == (WEST, "ann", True)
    assert "fence wanted, asked for by ann" in FailoverEvent.objects.get().because


def test_what_was_asked_for_can_be_withdrawn(east: str) -> None:
    with pytest.raises(CommandError, match="nothing is asked for"):
        dr("withdraw", east, "--yes")
    operator_requests.fence(east, "ann")
    with pytest.raises(operator_requests.RequestRefused, match="ann has just asked"):
        operator_requests.fence(east, "ben")
    assert "withdrawn" in dr("withdraw", east, "--yes")
    row = Register.objects.get()
    assert (row.wish, row.wish_fence) == ("", False)


def test_the_time_line_says_who_drained_a_room(east: str) -> None:
    room = MachineRoom.objects.get(platform_id=east)
    rooms.set_mode(east, room.moid, "on", "ann")
    reasons = [event.because for event in register_view.list_changes()]
    assert reasons == [
        f"room {room.name} is abnormal: the operator says so",
        f"room {room.name}: drained, says ann",
    ]


def test_the_page_fences_after_a_question_and_leaves_an_audit_record(east: str) -> None:
    browser = Browser()
    browser.force_login(Account.objects.get(username="admin"))
    wanted = {"action": "fence", "thing": east}
    asks = browser.post(reverse("failover-act"), wanted)
    assert b"stays down until the other site" in asks.content
    assert Register.objects.get().wish == ""
    report_as_agent(east, WEST, WELL)
    browser.post(reverse("failover-act"), {**wanted, "confirmed": "1"})
    assert Register.objects.get().wish_by == "admin"
    assert LogEntry.objects.filter(object_pk=east, actor__username="admin").exists()


def test_another_backup_in_the_tree_asks_for_more_and_the_admin_says_what(east: str) -> None:
    change.save_backups(east, [WEST])
    assert status.backup_remark(east) == ""
    third = PlatformDomain(name="third", parent=ServiceDomain.objects.get(), e164_prefix="9901")
    change.save_domain(third)
    change.save_backups(east, [third.pk, WEST])
    remark = "third backs"
    assert remark in status.backup_remark(east)
    assert "its copy lies at west" in dr("status")
    browser = Browser()
    browser.force_login(Account.objects.get(username="admin"))
    assert remark in browser.get(reverse("failover-live")).content.decode()
    page = reverse("admin:domains_platformdomain_change", args=[east])
    form = platform_form(PlatformDomain.objects.get(pk=east))
    answer = browser.post(page, form, follow=True).content.decode()
    assert "has no backup in the tree, but its copy lies at west" in answer


def test_a_copy_is_moved_only_while_its_home_serves_it_and_home_is_alone_then(east: str) -> None:
    words = ("cell_register", "--platform", east, "--home", east, "--backup")
    call_command(*words, WEST, stdout=StringIO())
    with pytest.raises(CommandError, match="--move-copy once"):
        call_command(*words, "third")
    Register.objects.update(owner=WEST)
    with pytest.raises(CommandError, match="does not serve it"):
        call_command(*words, "third", "--move-copy")
    Register.objects.update(owner=east)
    call_command(*words, "third", "--move-copy", stdout=StringIO())
    row = Register.objects.get()
    assert (row.backup, row.epoch, row.solo) == ("third", 5, True)
    assert FailoverEvent.objects.get().kind == "copy moved"
