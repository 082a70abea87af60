"""People change their card and their privacy choices; other people get no notice of it.

All functions raise `Denied`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import URLValidator, validate_email
from django.db import transaction

from foundation.cells.directory import PlatformStore
from foundation.plain_text import fault_of
from im.data import journal
from im.data.locked_conversation import Denied
from im.data.people import Person
from im.rules.conversation_decisions import DenyReason
from social.data import file_uses
from social.data.profiles import lock_profile
from social.models import CardField, ConfirmedNumber, Profile
from social.rules import cards, numbers
from social.rules.cards import FIELDS, NOTE, PHONE, PICTURE, ShownTo


def save_fields(
    store: PlatformStore, me: Person, fields: Mapping[str, tuple[str | None, ShownTo | None]]
) -> None:
    """Change fields of the person's card (profile): name -> (value, to whom it is shown). Raises Denied.

    An empty value deletes a field. `None` leaves the value, or to whom it is shown, as it is.
    """
    for name, (value, _) in fields.items():
        if name not in FIELDS:
            raise Denied(DenyReason.MALFORMED, f"{name}: a card has no such field")
        if value and (fault := _fault_of_value(name, value)):
            raise Denied(DenyReason.MALFORMED, f"{name}: {fault}")
    database = store.database
    with transaction.atomic(using=database):
        journal.require_serving(store)
        own = CardField.objects.using(database).filter(user=me.id).select_for_update()
        before = {row.name: row for row in own}
        for name, (value, shown_to) in fields.items():
            _save_field(store, me, before.get(name), name, value, shown_to)


def _fault_of_value(name: str, value: str) -> str:
    """Return what is wrong with the value of a card's field, in words; "" means nothing."""
    if len(value) > FIELDS[name]:
        return f"has more than {FIELDS[name]} characters"
    if fault := fault_of(value, may_have_lines=name in (NOTE, "address")):
        return fault
    if name == PHONE and not re.fullmatch(r"\+[1-9]\d{5,14}", value):
        return "must be a number with + and the country's code, without spaces"
    return _fault_of_format(name, value)


def _fault_of_format(name: str, value: str) -> str:
    """Return what is wrong with the format of an address, a date or a picture's id; "" means nothing."""
    try:
        if name == "email":
            validate_email(value)
        if name == "url":
            URLValidator(["http", "https"])(value)
        if name == "birthday":
            date.fromisoformat(value)
        if name == PICTURE:
            UUID(value)
    except (ValidationError, ValueError):
        wanted = {
            "email": "an e-mail address",
            "url": "an address with http:// or https://",
            "birthday": "a date, YYYY-MM-DD",
            PICTURE: "the id of an upload",
        }
        return f"must be {wanted[name]}"
    return ""


def _save_field(
    store: PlatformStore,
    me: Person,
    row: CardField | None,
    name: str,
    value: str | None,
    shown_to: ShownTo | None,
) -> None:
    """Save or delete one field of the person's card. `row`: the stored field, if there is one.

    `value` "" deletes it; `None` for `value` or `shown_to` means no change.
    """
    database, rows = store.database, CardField.objects.using(store.database)
    if name == PICTURE and value is not None and value != (row.value if row else ""):
        file_uses.replace_picture(
            database, file_uses.CARD, me.id, me.id, UUID(value) if value else None
        )
    if name == PHONE and value is not None and row and value != row.value:
        # Another number is not confirmed; the person no longer vouches for the one before.
        ConfirmedNumber.objects.using(database).filter(user=me.id).delete()
    if value == "" or (value is None and row is None):
        rows.filter(user=me.id, name=name).delete()
        return
    default = row.shown_to if row else cards.default_shown_to(name)
    kept = row.value if row else ""
    rows.bulk_create(
        [
            CardField(
                user=me.id,
                name=name,
                value=kept if value is None else value,
                shown_to=shown_to or default,
            )
        ],
        update_conflicts=True,
        update_fields=["value", "shown_to"],
    )


def import_fields(fields: Mapping[str, str]) -> dict[str, tuple[str | None, ShownTo | None]]:
    """Return the fields of a vCard as `save_fields` takes them; fields that a card cannot have are left out.

    The result is: name -> (value, `None`), where `None` leaves unchanged to whom the field is shown.
    """
    kept: dict[str, tuple[str | None, ShownTo | None]] = {}
    for name, value in fields.items():
        text = numbers.parse(value) if name == PHONE else value.strip()
        if text and name in FIELDS and not _fault_of_value(name, text):
            kept[name] = (text, None)
    return kept


def save_privacy(store: PlatformStore, me: Person, choices: Mapping[str, object]) -> Profile:
    """Change those of the person's privacy choices (`found_by`, `matching`, `suggested`) that are given; return all.

    Raises NotServedHere or ReadOnly if another site serves the platform.
    """
    database = store.database
    with transaction.atomic(using=database):
        journal.require_serving(store)
        lock_profile(database, me.id)
        rows = Profile.objects.using(database)
        rows.filter(pk=me.id).update(**choices)
        return rows.get(pk=me.id)


def mark_notices_seen(store: PlatformStore, me: Person, last_id: int) -> None:
    """Record that the person has seen the notices up to the one with this id; a lower id changes nothing.

    Raises NotServedHere or ReadOnly if another site serves the platform.
    """
    database = store.database
    with transaction.atomic(using=database):
        journal.require_serving(store)
        lock_profile(database, me.id)
        rows = Profile.objects.using(database)
        rows.filter(pk=me.id, seen_id__lt=last_id).update(seen_id=last_id)
