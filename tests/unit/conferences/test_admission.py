"""Who enters a locked conference, or one with a lobby, and what a pass is good for."""

from __future__ import annotations

import pytest

from conferences.data.join_passes import Pass, pass_of, signed_pass, visitor_of
from conferences.rules.admission import Entry, decide_entry, is_kept_out
from wire.arrangement import Arrangement, Banned

LOCKED, LOBBY = Arrangement(locked=1), Arrangement(lobby=1)
BROWSER = "ab" * 16


def entry(
    arrangement: Arrangement,
    was_let_in: bool = False,
    is_of_tenant: bool = False,
    is_creator: bool = False,
    visitor: str = "",
) -> Entry:
    known = {"was_let_in": was_let_in, "is_of_tenant": is_of_tenant, "is_creator": is_creator}
    return decide_entry(arrangement, visitor, **known)


def test_a_locked_conference_takes_nobody_new_but_its_creator() -> None:
    assert entry(LOCKED) is entry(LOCKED, is_of_tenant=True) is Entry.LOCKED
    assert entry(LOCKED, was_let_in=True) is Entry.OPEN
    assert entry(LOCKED, is_of_tenant=True, is_creator=True) is Entry.OPEN
    assert entry(Arrangement(locked=1, lobby=1)) is Entry.LOCKED


def test_guests_wait_in_the_lobby_and_people_of_the_tenant_do_not() -> None:
    assert entry(LOBBY) is Entry.WAITING
    assert entry(LOBBY, was_let_in=True) is entry(LOBBY, is_of_tenant=True) is Entry.OPEN
    assert entry(Arrangement()) is Entry.OPEN


def test_whoever_was_removed_is_kept_out_by_the_browser() -> None:
    removed = Arrangement(banned=(Banned(name="Eve"), Banned(name="Mallory", visitor="a" * 16)))
    assert is_kept_out(removed, "a" * 16)
    assert not is_kept_out(removed, "b" * 16)
    assert not is_kept_out(removed, "")
    assert entry(removed, is_of_tenant=True, visitor="a" * 16) is Entry.REMOVED
    assert entry(removed, was_let_in=True, visitor="a" * 16) is Entry.REMOVED
    assert entry(removed, is_creator=True, visitor="a" * 16) is Entry.OPEN


def test_a_pass_is_good_for_its_conference_and_cannot_be_made_up() -> None:
    granted = Pass("c1", visitor_of("c1", BROWSER), "anna")
    signed = signed_pass(granted)
    assert pass_of(signed, "c1") == granted
    assert pass_of(signed, "c2") is None
    assert pass_of(signed.replace("anna", "ben"), "c1") is None
    assert pass_of("", "c1") is None


def test_the_id_that_others_see_is_not_the_secret_that_makes_it() -> None:
    seen = visitor_of("c1", BROWSER)
    assert len(seen) == 16
    assert seen == visitor_of("c1", BROWSER) != visitor_of("c2", BROWSER)
    assert visitor_of("c1", seen) != seen


@pytest.mark.parametrize("browser", ["", "ab", "z" * 32, "ab" * 33])
def test_a_browser_without_a_secret_has_no_id(browser: str) -> None:
    assert visitor_of("c1", browser) == ""
