"""The rules of accounts say which names are well-formed, which domain an account needs, and who may not be deleted.

They are pure functions over plain values. Model, admin pages, API and commands all check them. A refusal is a
sentence that says what to do instead.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass

from domains.rules.sign_in_names import normalize
from domains.rules.tree import USER, Refusal

_PHONE = re.compile(r"\+?[0-9]{5,15}")
_NUMBER = re.compile(r"[0-9]{1,16}")
_SEPARATORS = re.compile(r"[\s()./-]")


@dataclass(frozen=True, slots=True)
class AccountFacts:
    """These are the values of an account that its rules need.

    An `operator` acts on the whole deployment, an `administrator` on its domain. `level` is the level of the
    account's domain, and `None` without a domain.
    """

    moid: str
    username: str
    email: str | None = None
    phone: str | None = None
    e164: str | None = None
    level: int | None = None
    administrator: bool = False
    operator: bool = False
    enabled: bool = True


def normalize_number(number: str | None) -> str | None:
    """Return a telephone number without spaces, brackets, dots, slashes and dashes. `None` if it is empty."""
    return _SEPARATORS.sub("", unicodedata.normalize("NFKC", number or "")) or None


def refusals_to_save(account: AccountFacts, taken: Collection[str]) -> list[Refusal]:
    """Return why an account cannot be saved. `taken` are those of its sign-in names that another account has."""
    return [
        *_number_refusals(account),
        *_domain_refusals(account),
        *_taken_name_refusals(account, taken),
    ]


def _number_refusals(account: AccountFacts) -> list[Refusal]:
    """Return refusals of an account's phone number or E.164 number that is malformed."""
    refusals = []
    if account.phone and not _PHONE.fullmatch(account.phone):
        text = "Write the phone number with 5 to 15 digits, for instance +49301234567."
        refusals.append(Refusal("phone", text))
    if account.e164 and not _NUMBER.fullmatch(account.e164):
        text = "Write the E.164 number with 1 to 16 digits and nothing else."
        refusals.append(Refusal("e164", text))
    return refusals


def _domain_refusals(account: AccountFacts) -> list[Refusal]:
    """Return refusals of an account without a domain, and of a person outside of user domains (operators need none)."""
    if account.operator:
        return []
    if account.level is None:
        text = "Choose the domain that this account belongs to."
        return [Refusal("domain", text)]
    if account.level != USER and not account.administrator:
        text = "A person belongs to a user domain: choose one, or make this an administrator."
        return [Refusal("domain", text)]
    return []


def _taken_name_refusals(account: AccountFacts, taken: Collection[str]) -> list[Refusal]:
    """Return a refusal for each sign-in name of an account that another account has (`taken`)."""
    names = (
        ("username", account.username),
        ("email", account.email),
        ("phone", account.phone),
        ("e164", account.e164),
    )
    text = (
        "Somebody else signs in with %(name)s already, as account name, e-mail, phone or number:"
        " choose another one."
    )
    return [
        Refusal(field, text, {"name": name})
        for field, name in names
        if name and normalize(name) in taken
    ]


def refusals_to_change(
    before: AccountFacts, after: AccountFacts, changed_by: str | None, other_operators: int
) -> list[Refusal]:
    """Return why an account cannot be changed from `before` to `after`.

    `changed_by` is the MOID of the person who changes it. `other_operators` counts the enabled operators besides it.
    """
    refusals = []
    if before.moid == changed_by and before.enabled and not after.enabled:
        text = "You cannot disable yourself: ask another administrator to do it."
        refusals.append(Refusal("is_active", text))
    stays_operator = after.operator and after.enabled
    if before.operator and before.enabled and not stays_operator and not other_operators:
        text = "This is the last enabled operator: make another account an operator first."
        refusals.append(Refusal("is_superuser" if after.enabled else "is_active", text))
    return refusals


def refusals_to_delete(
    account: AccountFacts, deleted_by: str | None, other_operators: int
) -> list[Refusal]:
    """Return why an account cannot be deleted; [] if it can.

    `deleted_by` is the MOID of the person who deletes it. `other_operators` counts the enabled operators besides it.
    """
    if account.moid == deleted_by:
        text = "You cannot delete yourself: ask another administrator to do it."
        return [Refusal("", text)]
    if account.operator and account.enabled and not other_operators:
        text = "This is the last enabled operator: make another account an operator first."
        return [Refusal("", text)]
    return []
