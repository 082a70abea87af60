"""The rules of accounts, over plain values: what names look like, where a person belongs, who stays.

Model, admin, API and commands ask here. A refusal is a sentence that says what to do. Pure.
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
_BETWEEN = re.compile(r"[\s()./-]")


@dataclass(frozen=True, slots=True)
class AccountFacts:
    """An account as the rules see it; `level`: of its domain, None without one.

    `operator` acts on the whole deployment, `administrator` on its domain.
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
    """A telephone number as it is kept: without spaces, brackets, dots, slashes and dashes."""
    return _BETWEEN.sub("", unicodedata.normalize("NFKC", number or "")) or None


def refusals_to_save(person: AccountFacts, taken: Collection[str]) -> list[Refusal]:
    """What is against writing an account; `taken`: which of its names are somebody else's."""
    return [*_shapes(person), *_place(person), *_names(person, taken)]


def _shapes(person: AccountFacts) -> list[Refusal]:
    found = []
    if person.phone and not _PHONE.fullmatch(person.phone):
        text = "Write the phone number with 5 to 15 digits, for instance +49301234567."
        found.append(Refusal("phone", text))
    if person.e164 and not _NUMBER.fullmatch(person.e164):
        text = "Write the E.164 number with 1 to 16 digits and nothing else."
        found.append(Refusal("e164", text))
    return found


def _place(person: AccountFacts) -> list[Refusal]:
    if person.operator:
        return []
    if person.level is None:
        text = "Choose the domain that this account belongs to."
        return [Refusal("domain", text)]
    if person.level != USER and not person.administrator:
        text = "A person belongs to a user domain: choose one, or make this an administrator."
        return [Refusal("domain", text)]
    return []


def _names(person: AccountFacts, taken: Collection[str]) -> list[Refusal]:
    given = (
        ("username", person.username),
        ("email", person.email),
        ("phone", person.phone),
        ("e164", person.e164),
    )
    text = (
        "Somebody else signs in with %(name)s already, as account name, e-mail, phone or number:"
        " choose another one."
    )
    return [
        Refusal(field, text, {"name": name})
        for field, name in given
        if name and normalize(name) in taken
    ]


def refusals_to_change(
    before: AccountFacts, after: AccountFacts, by: str | None, others: int
) -> list[Refusal]:
    """What is against changing one into the other. `by`: the MOID of who does it; `others`: enabled
    operators beside this one."""
    found = []
    if before.moid == by and before.enabled and not after.enabled:
        text = "You cannot disable yourself: ask another administrator to do it."
        found.append(Refusal("is_active", text))
    stays = after.operator and after.enabled
    if before.operator and before.enabled and not stays and not others:
        text = "This is the last enabled operator: make another account an operator first."
        found.append(Refusal("is_superuser" if after.enabled else "is_active", text))
    return found


def refusals_to_delete(person: AccountFacts, by: str | None, others: int) -> list[Refusal]:
    """What is against deleting an account; values as above."""
    if person.moid == by:
        text = "You cannot delete yourself: ask another administrator to do it."
        return [Refusal("", text)]
    if person.operator and person.enabled and not others:
        text = "This is the last enabled operator: make another account an operator first."
        return [Refusal("", text)]
    return []
