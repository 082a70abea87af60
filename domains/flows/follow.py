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
    """A domain was added, changed or deleted."""
    _follow(uow, notice, _apply_from_core if notice.previous is not None else _apply_domain)


@handles(AccountChanged)
def on_account_changed(uow: DomainsUnitOfWork, notice: AccountChanged, envelope: Envelope) -> None:
    """An account was added, changed or deleted."""
    _follow(uow, notice, _apply_from_core if notice.previous is not None else _apply_account)


def _follow(
    uow: DomainsUnitOfWork, notice: Notice, take: Callable[[DomainsUnitOfWork, Notice], bool]
) -> None:
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
    elif not take(uow, notice):
        return
    uow.advance(notice)
    if notice.whole is not None:
        uow.delete_not_in_snapshot(notice.whole)


# ---- from our own core --------------------------------------------------------------------------


def _apply_from_core(uow: DomainsUnitOfWork, notice: Notice) -> bool:
    """What the core tells is whole and fits; False: it does not, and nothing after it can."""
    thing = subject_of(notice)
    field, why = ("", "") if notice.op == "del" else uow.find_misfit(thing)
    if why:
        uow.record_unusable(f"{field}: {why}")
        uow.request_changes_if_due()
        return False
    if "account" in thing and (name := uow.find_taken_name(thing, by_anybody=False)):
        uow.advance(notice)
        text = (
            f"“{name}” belongs to an account of this site: rename that one, then ask for all again"
        )
        raise NotTaken(text, "account")
    _stage(uow, notice, thing)
    return True


def _stage(uow: DomainsUnitOfWork, notice: Notice, thing: WireObject) -> None:
    take = uow.stage_domain if isinstance(notice, DomainChanged) else uow.stage_account
    take(thing["moid"], None if notice.op == "del" else thing)
    uow.record_applied(notice)


# ---- from a third party's BMC -------------------------------------------------------------------


def _apply_domain(uow: DomainsUnitOfWork, notice: Notice) -> bool:
    """Asks the rules. Raises NotTaken."""
    given = subject_of(notice)
    known = uow.load_domain(given["moid"])
    if notice.op == "del":
        if known:
            _raise_if_refused(tree.refusals_to_delete(known["name"], _uses(uow, known["moid"])))
    else:
        given = _completed(given, known)
        _raise_if_misfit(uow, given)
        _raise_if_refused(tree.refusals_to_place(_node(uow, given), uow.tree()))
    _stage(uow, notice, given)
    return True


def _completed(given: WireObject, known: WireObject | None) -> WireObject:
    """What is not said stays as it is; what is new has to say enough. Raises NotTaken."""
    level = int({"level": -1, **(known or {}), **given}["level"])
    domain = {**(known or {}), **given, "level": level}
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
    """As the rules see it; a room that is not known is made below its platform."""
    room = domain.get("roommoid") or None
    if room and uow.tree().platform_of_room(room) is None:
        room = None
    parent, used = domain.get("uplevelmoid") or None, bool(domain.get("used", 1))
    platform = domain.get("platformmoid") if domain["level"] == tree.USER else None
    prefix = domain.get("e164prefix") or ""
    return Node(
        domain["moid"], domain["level"], parent, domain["name"], used, platform, room, prefix
    )


def _apply_account(uow: DomainsUnitOfWork, notice: Notice) -> bool:
    """Raises NotTaken."""
    given = subject_of(notice)
    known = uow.load_account(given["moid"])
    if notice.op != "del":
        given = {**(known or {}), **given}
        for field in ("account", "userdomainmoid"):
            if not given.get(field):
                raise NotTaken("is missing", field)
        _raise_if_misfit(uow, given)
        uow.read_name_owners([given])
        if name := uow.find_taken_name(given, by_anybody=True):
            raise NotTaken(f"“{name}” is the name of another account", "account")
    _stage(uow, notice, given)
    return True


def _raise_if_misfit(uow: DomainsUnitOfWork, thing: WireObject) -> None:
    uow.read_levels([thing])
    field, why = uow.find_misfit(thing)
    if why:
        raise NotTaken(why, field)


def _raise_if_refused(refusals: Sequence[Refusal]) -> None:
    if refusals:
        field = refusals[0].field
        raise NotTaken(refusals[0].sentence, _FIELDS.get(field, field))
