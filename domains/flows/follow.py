"""A platform applies the changes of the domain tree that the core sends, each once and in order (ARCH §3.5).

The core is the deployment where the tree is edited. BMC is its console for domains and licences, AMC the part for
accounts, CSS this software at a platform.

BMC -> CSS       BMC_CSS_DOMAIN_NTF                      on_domain_changed
AMC -> CSS       AMC_CSS_ACCOUNT_NTF                     on_account_changed
CSS -> BMC       CSS_BMC_SYNC_REQ                        (when changes are missing)

A core that runs this software names in `previous` the version of the change before, and has checked the rules of
the tree. A third party's BMC does neither: its changes are checked here by the same rules as an operator's.
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

_WIRE_NAMES = {"parent": "uplevelmoid", "platform": "platformmoid", "room": "roommoid"}
"""A field of a domain, as the rules name it -> its name in messages."""


@handles(DomainChanged)
def on_domain_changed(uow: DomainsUnitOfWork, notice: DomainChanged, envelope: Envelope) -> None:
    """Apply a change of a domain, made where the domain tree is edited, to this platform's copy of the tree.

    A message of our own software's central site (the core) has `previous`, the version before it; that of a third
    party has not, and is checked more.
    """
    is_from_our_core = notice.previous is not None
    _apply_in_order(
        uow, notice, _apply_from_core if is_from_our_core else _apply_domain_of_third_party
    )


@handles(AccountChanged)
def on_account_changed(uow: DomainsUnitOfWork, notice: AccountChanged, envelope: Envelope) -> None:
    """Apply a change of an account, made where accounts are edited, to this platform's copy.

    A message of our own software's central site (the core) has `previous`, the version before it; that of a third
    party has not, and is checked more.
    """
    is_from_our_core = notice.previous is not None
    _apply_in_order(
        uow, notice, _apply_from_core if is_from_our_core else _apply_account_of_third_party
    )


def _apply_in_order(
    uow: DomainsUnitOfWork, notice: Notice, apply: Callable[[DomainsUnitOfWork, Notice], bool]
) -> None:
    """Apply a change by calling `apply`, unless it was applied before, or changes before it are missing.

    `apply` returns `False` if neither this change nor any later one can be applied. Nothing is done where another
    site serves this platform now (`is_open` is false). Raises NotTaken for a change for another platform.
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


# ---- from a core that runs this software --------------------------------------------------------


def _apply_from_core(uow: DomainsUnitOfWork, notice: Notice) -> bool:
    """Take over a change from a core that runs this software: its object is complete and obeys the rules.

    The core is the deployment that owns the domain tree.

    Returns `False` if it does not fit the domains stored here. Then nothing after it can be applied either. Raises
    NotTaken if an account of this site has one of its sign-in names.
    """
    subject = subject_of(notice)
    field, reason = ("", "") if notice.op == "del" else uow.find_unusable_field(subject)
    if reason:
        uow.record_unusable(f"{field}: {reason}")
        uow.request_changes_if_due()
        return False
    if "account" in subject and (name := uow.find_taken_name(subject, include_received=False)):
        uow.advance(notice)
        text = (
            f"“{name}” belongs to an account of this site: rename that one, then ask for all again"
        )
        raise NotTaken(text, "account")
    _add_to_unit_of_work(uow, notice, subject)
    return True


def _add_to_unit_of_work(uow: DomainsUnitOfWork, notice: Notice, subject: WireObject) -> None:
    """Let the unit of work save or delete the domain or account of a change, and record the change as applied.

    A disabled domain with the field `endrunning` is also an order to end the conferences that run
    in it and below.
    """
    stage = uow.stage_domain if isinstance(notice, DomainChanged) else uow.stage_account
    stage(subject["moid"], None if notice.op == "del" else subject)
    uow.record_applied(notice)
    if subject.get("endrunning") and not subject.get("used", 1):
        uow.end_running(subject["moid"])


# ---- from a third party's BMC -------------------------------------------------------------------


def _apply_domain_of_third_party(uow: DomainsUnitOfWork, notice: Notice) -> bool:
    """Check a change of a domain by the rules, apply it, and return True. Raises NotTaken.

    It comes from a third party's BMC (the program that owns the domain tree), which may not know these rules.
    """
    domain = subject_of(notice)
    saved = uow.load_domain(domain["moid"])
    if notice.op == "del":
        if saved:
            uses = _count_uses(uow, saved["moid"])
            _raise_if_refused(tree.refusals_to_delete(saved["name"], uses))
    else:
        domain = _with_saved_fields(domain, saved)
        _raise_if_unusable(uow, domain)
        _raise_if_refused(tree.refusals_to_place(_node_for_rules(uow, domain), uow.lock_tree()))
    _add_to_unit_of_work(uow, notice, domain)
    return True


def _with_saved_fields(received: WireObject, saved: WireObject | None) -> WireObject:
    """Return a received domain, in which fields that it lacks are taken from the saved one.

    Raises NotTaken if a field is missing that every domain of its level has.
    """
    domain = {**(saved or {}), **received}
    if "level" not in domain:
        raise NotTaken("is missing", "level")
    domain["level"] = level = int(domain["level"])
    if level < 0:
        raise NotTaken("is missing", "level")
    for field in ["name", *_REQUIRED_FIELDS.get(level, [])]:
        if not domain.get(field):
            raise NotTaken("is missing", field)
    return domain


_REQUIRED_FIELDS = {
    tree.USER: ["uplevelmoid", "platformmoid"],
    tree.PLATFORM: ["uplevelmoid", "e164prefix"],
}


def _count_uses(uow: DomainsUnitOfWork, moid: str) -> dict[str, int]:
    """Return how many rows of each kind, in all apps, refer to a domain: kind in words -> count."""
    return tree_rows.count_uses(uow.database, moid) | hooks.uses_by_kind(
        hooks.DOMAIN_USES, uow.database, moid
    )


def _node_for_rules(uow: DomainsUnitOfWork, domain: WireObject) -> Node:
    """Return a received domain as the rules need it.

    A machine room that does not exist is left out: it will be created in the platform that the domain is bound to.
    """
    room = domain.get("roommoid") or None
    if room and uow.lock_tree().platform_of_room(room) is None:
        room = None
    parent, used = domain.get("uplevelmoid") or None, bool(domain.get("used", 1))
    platform = domain.get("platformmoid") if domain["level"] == tree.USER else None
    prefix = domain.get("e164prefix") or ""
    return Node(
        domain["moid"], domain["level"], parent, domain["name"], used, platform, room, prefix
    )


def _apply_account_of_third_party(uow: DomainsUnitOfWork, notice: Notice) -> bool:
    """Check and apply a change of an account from a third party's console (BMC), and return True. Raises NotTaken."""
    account = subject_of(notice)
    saved = uow.load_account(account["moid"])
    if notice.op != "del":
        account = {**(saved or {}), **account}
        for field in ("account", "userdomainmoid"):
            if not account.get(field):
                raise NotTaken("is missing", field)
        _raise_if_unusable(uow, account)
        uow.read_name_owners([account])
        if name := uow.find_taken_name(account, include_received=True):
            raise NotTaken(f"“{name}” is the name of another account", "account")
    _add_to_unit_of_work(uow, notice, account)
    return True


def _raise_if_unusable(uow: DomainsUnitOfWork, subject: WireObject) -> None:
    """Raise NotTaken if a received object (`subject`) refers to domains that do not exist or have a wrong level."""
    uow.read_levels([subject])
    field, reason = uow.find_unusable_field(subject)
    if reason:
        raise NotTaken(reason, field)


def _raise_if_refused(refusals: Sequence[Refusal]) -> None:
    """Raise NotTaken with the first refusal of the rules, if there is any."""
    if refusals:
        field = refusals[0].field
        raise NotTaken(refusals[0].sentence, _WIRE_NAMES.get(field, field))
