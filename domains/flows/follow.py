"""A platform follows the core: each change once, in order; what is missing is asked for (ARCH §3.5).

BMC -> CSS       BMC_CSS_DOMAIN_NTF                      on_domain_changed
AMC -> CSS       AMC_CSS_ACCOUNT_NTF                     on_account_changed
CSS -> BMC       CSS_BMC_SYNC_REQ                        (when something is missing)

Our own core says with `previous` what came before, and has asked the rules of the tree. A third
party's BMC does not: what it sends is asked the same rules as an operator's change.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from domains.data import hooks, tree_rows
from domains.data.serializers import WireObject
from domains.data.unit_of_work import DomainsUnitOfWork, Notice, subject_of
from domains.rules import tree
from domains.rules.sync_decisions import Verdict
from domains.rules.tree import Node, Refusal
from foundation.bus.envelope import Envelope
from foundation.bus.message import NotTaken
from foundation.bus.registry import handles
from wire.domain_changes import AccountChanged, DomainChanged

log = logging.getLogger("domains.follow")

_FIELDS = {"parent": "uplevelmoid", "platform": "platformmoid", "room": "roommoid"}


@handles(DomainChanged)
def on_domain_changed(uow: DomainsUnitOfWork, notice: DomainChanged, envelope: Envelope) -> None:
    """Apply the addition, change or deletion of a domain."""
    _follow(uow, notice, _apply_from_core if notice.previous is not None else _apply_domain)


@handles(AccountChanged)
def on_account_changed(uow: DomainsUnitOfWork, notice: AccountChanged, envelope: Envelope) -> None:
    """Apply the addition, change or deletion of an account."""
    _follow(uow, notice, _apply_from_core if notice.previous is not None else _apply_account)


def _follow(
    uow: DomainsUnitOfWork, notice: Notice, apply: Callable[[DomainsUnitOfWork, Notice], bool]
) -> None:
    """Apply a notice with `apply`, unless it is a duplicate or shows a gap.

    `apply` returns `False` if neither this notice nor any later one can be applied.
    """
    if not uow.is_open:
        log.info("change %d left to the site that serves us now", notice.version)
        return
    if notice.platform not in (None, uow.own):
        raise NotTaken(f"{notice.platform} is not served at this site", "platformmoid")
    verdict = uow.judge_change(notice)
    if verdict is Verdict.GAP:
        uow.record_gap()
        return
    if verdict is Verdict.SEEN:
        uow.count_duplicate()
    elif not apply(uow, notice):
        return
    uow.advance(notice)
    if notice.whole is not None:
        uow.delete_not_in_snapshot(notice.whole)


# ---- from our own core --------------------------------------------------------------------------


def _apply_from_core(uow: DomainsUnitOfWork, notice: Notice) -> bool:
    """Stage a notice of our own core, which is complete and obeys the rules.

    It returns `False` if it does not fit what is here. Then nothing after it can be applied either.
    """
    subject = subject_of(notice)
    field, why = ("", "") if notice.op == "del" else uow.find_misfit(subject)
    if why:
        uow.record_unusable(f"{field}: {why}")
        uow.request_changes_if_due()
        return False
    if "account" in subject and (name := uow.find_taken_name(subject, include_received=False)):
        uow.advance(notice)
        text = (
            f"“{name}” belongs to an account of this site: rename that one, then ask for all again"
        )
        raise NotTaken(text, "account")
    _stage(uow, notice, subject)
    return True


def _stage(uow: DomainsUnitOfWork, notice: Notice, subject: WireObject) -> None:
    stage = uow.stage_domain if isinstance(notice, DomainChanged) else uow.stage_account
    stage(subject["moid"], None if notice.op == "del" else subject)
    uow.record_applied(notice)


# ---- from a third party's BMC -------------------------------------------------------------------


def _apply_domain(uow: DomainsUnitOfWork, notice: Notice) -> bool:
    """Stage a domain of a third party's BMC after asking the rules. Raises NotTaken."""
    domain = subject_of(notice)
    saved = uow.load_domain(domain["moid"])
    if notice.op == "del":
        if saved:
            _raise_if_refused(tree.refusals_to_delete(saved["name"], _uses(uow, saved["moid"])))
    else:
        domain = _completed(domain, saved)
        _raise_if_misfit(uow, domain)
        _raise_if_refused(tree.refusals_to_place(_node(uow, domain), uow.lock_tree()))
    _stage(uow, notice, domain)
    return True


def _completed(received: WireObject, saved: WireObject | None) -> WireObject:
    """Return a domain whose missing fields are those of the saved one.

    A new domain has to have enough fields. Raises NotTaken.
    """
    level = int({"level": -1, **(saved or {}), **received}["level"])
    domain = {**(saved or {}), **received, "level": level}
    if level < 0:
        raise NotTaken("is missing", "level")
    needed = {0: ["uplevelmoid", "platformmoid"], 1: ["uplevelmoid", "e164prefix"]}
    for field in ["name", *needed.get(level, [])]:
        if not domain.get(field):
            raise NotTaken("is missing", field)
    return domain


def _uses(uow: DomainsUnitOfWork, moid: str) -> dict[str, int]:
    return tree_rows.count_uses(uow.database, moid) | hooks.uses_by_kind(
        hooks.DOMAIN_USES, uow.database, moid
    )


def _node(uow: DomainsUnitOfWork, domain: WireObject) -> Node:
    """Return a domain as the rules need it. A room that is not known will be created below its platform."""
    room = domain.get("roommoid") or None
    if room and uow.lock_tree().platform_of_room(room) is None:
        room = None
    parent, used = domain.get("uplevelmoid") or None, bool(domain.get("used", 1))
    platform = domain.get("platformmoid") if domain["level"] == tree.USER else None
    prefix = domain.get("e164prefix") or ""
    return Node(
        domain["moid"], domain["level"], parent, domain["name"], used, platform, room, prefix
    )


def _apply_account(uow: DomainsUnitOfWork, notice: Notice) -> bool:
    """Stage an account of a third party's BMC after checking it. Raises NotTaken."""
    account = subject_of(notice)
    saved = uow.load_account(account["moid"])
    if notice.op != "del":
        account = {**(saved or {}), **account}
        for field in ("account", "userdomainmoid"):
            if not account.get(field):
                raise NotTaken("is missing", field)
        _raise_if_misfit(uow, account)
        uow.read_name_owners([account])
        if name := uow.find_taken_name(account, include_received=True):
            raise NotTaken(f"“{name}” is the name of another account", "account")
    _stage(uow, notice, account)
    return True


def _raise_if_misfit(uow: DomainsUnitOfWork, subject: WireObject) -> None:
    uow.read_levels([subject])
    field, why = uow.find_misfit(subject)
    if why:
        raise NotTaken(why, field)


def _raise_if_refused(refusals: Sequence[Refusal]) -> None:
    if refusals:
        field = refusals[0].field
        raise NotTaken(refusals[0].sentence, _FIELDS.get(field, field))
