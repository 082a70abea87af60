"""Operators err: what they ask for is refused in a sentence, or does no harm."""

from __future__ import annotations

import pytest
from auditlog.models import LogEntry
from django.urls import reverse

from domains.models import Account, PlatformDomain
from failover.data.cells.register import Report
from failover.flows import operator_requests
from failover.models import FailoverEvent, Register
from failover.rules.cell_facts import Mode
from tests.failover.test_wishes import WELL, WEST, east, place, report_as_agent
from tests.integration.conftest import at_once
from tests.web_clients import Browser

__all__ = ["east", "place"]

ILL = Report(role="copy", well=False, lag=None, sentence="my copy does not apply what it receives")


def test_of_two_who_press_at_the_same_moment_one_is_told_of_it(east: str) -> None:
    def press(number: int) -> str:
        try:
            return operator_requests.takeover(east, f"operator {number}", anyway=True).sentence
        except operator_requests.RequestRefused as why:
            return f"refused: {why}"

    answers = at_once(4, press)
    (accepted,) = (answer for answer in answers if not answer.startswith("refused: "))
    assert accepted.endswith(Register.objects.get().wish_by)
    assert all(
        "has just asked" in answer or "was faster" in answer
        for answer in answers
        if answer != accepted
    )
    assert FailoverEvent.objects.count() == 1


def test_a_hand_back_against_the_mode_is_refused_until_the_mode_is_another_one(east: str) -> None:
    operator_requests.set_mode(east, "ann", Mode.MANUAL)
    Register.objects.update(owner=WEST, epoch=5)
    with pytest.raises(operator_requests.RequestRefused, match="mode manual says that west serves"):
        operator_requests.handback(east, "ben")
    operator_requests.set_mode(east, "ben", Mode.OFF)
    operator_requests.handback(east, "ben")
    assert Register.objects.get().wish == east


def test_a_mode_does_not_cross_what_somebody_has_just_asked_for(east: str) -> None:
    operator_requests.takeover(east, "ann", anyway=True)
    with pytest.raises(operator_requests.RequestRefused, match="ann has just asked"):
        operator_requests.set_mode(east, "ben", Mode.MANUAL)
    assert PlatformDomain.objects.get(pk=east).dr_mode == "auto"


def test_nobody_sends_a_platform_to_a_backup_that_could_not_serve_it(east: str) -> None:
    report_as_agent(east, WEST, ILL)
    why = "west can not take over: my copy does not apply"
    with pytest.raises(operator_requests.RequestRefused, match=why):
        operator_requests.set_mode(east, "ann", Mode.MANUAL)
    with pytest.raises(operator_requests.RequestRefused, match=why):
        operator_requests.takeover(east, "ann", anyway=True)
    assert PlatformDomain.objects.get(pk=east).dr_mode == "auto"
    assert (Register.objects.get().mode, Register.objects.get().wish) == ("auto", "")


def test_what_may_lose_writes_must_be_meant(east: str) -> None:
    Register.objects.update(solo=True)
    with pytest.raises(operator_requests.RequestRefused, match="may lack its last writes"):
        operator_requests.takeover(east, "ann", anyway=True)
    operator_requests.takeover(east, "ann", anyway=True, force=True)
    assert Register.objects.get().wish_force


def test_the_page_says_why_and_nothing_was_done(east: str) -> None:
    browser = Browser()
    browser.force_login(Account.objects.get(username="admin"))
    before = LogEntry.objects.count()
    for action, why in (
        ("takeover", "is healthy and serves its platform"),
        ("handback", "serves its platform already"),
        ("auto", "the mode is auto already"),
    ):
        report_as_agent(east, east, WELL)  # an agent's word is good for 5 s
        fields = {"action": action, "thing": east, "confirmed": "1"}
        page_text = browser.post(reverse("failover-act"), fields, follow=True).content.decode()
        assert "Refused: " in page_text
        assert why in page_text
    assert not FailoverEvent.objects.exists()
    assert LogEntry.objects.count() == before
