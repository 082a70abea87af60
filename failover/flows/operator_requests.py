"""Operators' requests to move a platform are checked, and written to the register with a reason.

The register says which site serves which platform; the sites' agents carry the requests out.
A request is written by compare-and-set: of two operators at once, the second is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from django.conf import settings

from domains.data.tree_source import is_tree_edited_here
from domains.flows import change
from domains.models import PlatformDomain
from failover.data import register_view
from failover.data.register_view import RegisterView
from failover.flows import recovery_mode
from failover.rules.cell_facts import Mode, RegisterRow
from failover.rules.decisions import (
    refuse_fence,
    refuse_handback,
    refuse_mode,
    refuse_takeover,
    refuse_withdrawal,
)
from foundation.cells.directory import own_platform


class RequestRefused(Exception):
    """The request was refused and nothing was done; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorRequest:
    """An accepted request of an operator: the sentence that describes it, and the platform's register row before it."""

    row: RegisterRow
    sentence: str


Refuse = Callable[[RegisterRow, RegisterView, dict[str, str]], str]


def platform_names() -> dict[str, str]:
    """Return the names of all platforms: MOID -> name."""
    return dict(PlatformDomain.objects.values_list("moid", "name"))


def takeover(
    platform: str,
    operator: str,
    *,
    anyway: bool = False,
    force: bool = False,
    dry_run: bool = False,
) -> OperatorRequest:
    """Request that the backup site serves a platform from now on; return what was requested.

    `operator` is the name of who asks. `anyway` allows a takeover from a healthy site, `force` one that may lose
    writes; `dry_run` only checks. Raises RequestRefused if it is not allowed, Failure if the register does not answer.
    """

    def refuse(row: RegisterRow, view: RegisterView, names: dict[str, str]) -> str:
        """Return why the takeover of the platform in `row` is refused; "" if it is allowed.

        `names`: MOID -> name of each platform, for the sentence. The caller's `anyway` allows a takeover from a healthy
        site, its `force` one that may lose writes.
        """
        reports = view.reports.get(platform, {})
        return refuse_takeover(row, reports, names, anyway=anyway, force=force)

    def with_request(row: RegisterRow) -> RegisterRow:
        """Return the register row with the request (`wish`) that the backup site takes over."""
        return replace(row, wish=row.backup, wish_by=operator, wish_force=force)

    return _check_and_write(
        platform, operator, "takeover wanted", refuse, with_request, dry_run=dry_run
    )


def handback(platform: str, operator: str, *, dry_run: bool = False) -> OperatorRequest:
    """Request that a platform's own site serves it again from now on; return what was requested.

    `operator` is the name of who asks; `dry_run` only checks. Raises RequestRefused if it is not allowed, Failure if
    the register does not answer.
    """

    def refuse(row: RegisterRow, view: RegisterView, names: dict[str, str]) -> str:
        """Return why the hand-back to the platform's own site is refused; "" if it is allowed.

        `names`: MOID -> name of each platform, for the sentence.
        """
        return refuse_handback(row, view.reports.get(platform, {}), names)

    def with_request(row: RegisterRow) -> RegisterRow:
        """Return the register row with the request that the platform's own site takes over again."""
        return replace(row, wish=row.home, wish_by=operator, wish_force=False)

    return _check_and_write(
        platform, operator, "handback wanted", refuse, with_request, dry_run=dry_run
    )


def fence(
    platform: str, operator: str, *, force: bool = False, dry_run: bool = False
) -> OperatorRequest:
    """Request that the serving site's database is killed, and that the other site takes over.

    Return what was requested. The killed database stays down until the other site serves. `force`: even if writes may
    be lost; `dry_run` only checks. Raises RequestRefused if it is not allowed, Failure if the register does not answer.
    """

    def refuse(row: RegisterRow, view: RegisterView, names: dict[str, str]) -> str:
        """Return why the serving site's database must not be killed (fenced); "" if it may be.

        `names`: MOID -> name of each platform, for the sentence. The caller's `force` allows it although writes may be
        lost.
        """
        return refuse_fence(row, view.reports.get(platform, {}), names, force=force)

    def with_request(row: RegisterRow) -> RegisterRow:
        """Return the register row with the request to kill the owner's database and let the other site take over."""
        other = row.other(row.owner)
        return replace(row, wish=other, wish_by=operator, wish_force=force, wish_fence=True)

    return _check_and_write(
        platform, operator, "fence wanted", refuse, with_request, dry_run=dry_run
    )


def withdraw(platform: str, operator: str, *, dry_run: bool = False) -> OperatorRequest:
    """Withdraw an operator's request that the sites' agents have not carried out; return what is requested now.

    Raises RequestRefused if there is none, Failure if the register does not answer.
    """

    def with_request(row: RegisterRow) -> RegisterRow:
        """Return the register row without a request."""
        return replace(row, wish="", wish_by="", wish_force=False, wish_fence=False)

    def refuse(row: RegisterRow, view: RegisterView, names: dict[str, str]) -> str:
        """Return why there is no operator's request to withdraw; "" if there is one. `names`: MOID -> name."""
        return refuse_withdrawal(row, names)

    return _check_and_write(platform, operator, "withdrawn", refuse, with_request, dry_run=dry_run)


def set_mode(platform: str, operator: str, mode: Mode, *, dry_run: bool = False) -> OperatorRequest:
    """Set a platform's recovery mode (its agents, an operator or nobody decides on takeovers); return what was set.

    It is written to the domain tree and to the register of owners; with `dry_run` it is only checked. Raises
    RequestRefused, also where the domain tree is not edited (only the core does that); Failure if the register does not
    answer.
    """

    def refuse(row: RegisterRow, view: RegisterView, names: dict[str, str]) -> str:
        """Return why the recovery mode must not become `mode`; "" if it may. `names`: MOID -> name."""
        return refuse_mode(row, mode, view.reports.get(platform, {}), names)

    if not is_tree_edited_here():
        raise RequestRefused(f"the mode is set at the core: {settings.CORE_URL}/admin/")
    request = _check_and_write(platform, operator, f"mode {mode}", refuse, None, dry_run=True)
    if not dry_run:
        change.change(platform, dr_mode=mode.value)
        recovery_mode.copy_modes()
    return request


def _check_and_write(
    platform: str,
    operator: str,
    kind: str,
    refuse: Refuse,
    changed_row: Callable[[RegisterRow], RegisterRow] | None,
    *,
    dry_run: bool,
) -> OperatorRequest:
    """Check an operator's request, and write it to the register. Raises RequestRefused and Failure.

    `kind` names the request in the history. `refuse` returns why it must be refused, or "". `changed_row` returns the
    register row with it. With `dry_run`, or without `changed_row`, the request is only checked.
    """
    view, names = register_view.read(), platform_names()
    row = view.rows.get(platform)
    if row is None:
        raise RequestRefused(
            f"{names.get(platform, platform)} is not in the register: it has no backup"
        )
    if reason := refuse(row, view, names):
        raise RequestRefused(reason)
    sentence = f"{kind}, asked for by {operator}"
    if dry_run or changed_row is None:
        return OperatorRequest(row=row, sentence=sentence)
    if not register_view.write_mode_and_request(
        row, changed_row(row), kind[:16], own_platform(), sentence
    ):
        raise RequestRefused("somebody was faster: look again at what is there now")
    return OperatorRequest(row=row, sentence=sentence)
