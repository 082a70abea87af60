"""People upload telephone numbers of their address book, and confirm their own number, to find acquaintances (CONV).

Only HMACs of the numbers are stored. An upload returns the owner of a number if each of the two people
has the other's confirmed number, or if the owner has chosen to be found by everybody. So nobody finds
out owners by uploading numbers at random. Each function is one transaction; all raise `Denied`.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import transaction
from django.db.models import F

from domains.models.accounts import hash_secret
from foundation.cells import sql
from foundation.cells.directory import PlatformStore
from foundation.signing import shared_key
from im.data import journal
from im.data.locked_conversation import Denied
from im.data.people import Person
from im.rules.conversation_decisions import DenyReason
from im.rules.vocabulary import Cmd
from social.data import matches, notify, outgoing_texts
from social.data.profiles import lock_profile
from social.models import BookDay, BookEntry, CardField, ConfirmedNumber, NumberCode, Profile
from social.rules import limits, numbers
from social.rules.cards import PHONE, ShownTo
from social.rules.limits import BookUse

CODES_A_DAY, TRIES, CODE_LIFE = 5, 5, timedelta(minutes=10)
WRONG = "code: it is wrong or too old; ask for another one"


@dataclass(frozen=True, slots=True)
class Uploaded:
    """The result of an upload of telephone numbers to a person's address book.

    `added`: how many new numbers were stored. `left_today`: how many more new numbers may be stored today. `left_out`:
    how many new numbers exceeded the limit. `invalid`: how many texts are no numbers. `matches`: number as it was
    uploaded -> its owner.
    """

    added: int
    left_today: int
    left_out: int
    invalid: int
    matches: dict[str, Person]


def add_numbers(
    store: PlatformStore, me: Person, texts: Collection[str], region: str, now: datetime
) -> Uploaded:
    """Add telephone numbers to the person's address book; return those of people whom the person may find.

    `texts`: the numbers as people write them; `region`: the country (two letters) of numbers without a country code.
    Raises NotServedHere or ReadOnly if another site serves the platform.
    """
    database, today = store.database, now.date()
    hashes = numbers.hashed_many(texts, region, shared_key())
    with transaction.atomic(using=database):
        journal.require_serving(store)
        profile = lock_profile(database, me.id)
        book = BookEntry.objects.using(database).filter(owner=me.id)
        known = {*book.filter(hmac__in=hashes).values_list("hmac", flat=True)}
        new = [key for key in hashes if key not in known]
        use = BookUse(profile.book_started, profile.book_day, profile.book_new)
        allowed = limits.book_allowance(use, book.count(), today)
        added = new[: min(allowed, _allowance_of_tenant(database, me.domain, today))]
        sql.insert(database, "social_bookentry", ("owner", "hmac"), [(me.id, key) for key in added])
        _save_use(database, me, limits.book_use_after(use, len(added), today), len(added), today)
        owners = matches.match_hashes(store, me, [*known, *added])
    return Uploaded(
        len(added),
        allowed - len(added),
        len(new) - len(added),
        len({*texts}) - len(hashes),
        {hashes[key]: person for key, person in owners.items()},
    )


def _allowance_of_tenant(database: str, domain: str, today: date) -> int:
    """Return how many new telephone numbers a tenant's people may still add to address books today; lock the count."""
    columns = ("domain", "day", "count")
    sql.insert(database, "social_bookday", columns, [(domain, today, 0)], update=("domain",))
    row = BookDay.objects.using(database).select_for_update().get(pk=(domain, today))
    return max(0, limits.NEW_A_DAY_OF_TENANT - row.count)


def _save_use(database: str, me: Person, use: BookUse, new: int, today: date) -> None:
    """Save how much of its limits an address book has used; add `new` telephone numbers to the tenant's count."""
    Profile.objects.using(database).filter(pk=me.id).update(
        book_started=use.started, book_day=use.day, book_new=use.new_today
    )
    if new:
        day = BookDay.objects.using(database).filter(domain=me.domain, day=today)
        day.update(count=F("count") + new)


def delete_book(store: PlatformStore, me: Person) -> None:
    """Delete the person's whole address book; telephone numbers that were added today still count for the limits.

    Raises NotServedHere or ReadOnly if another site serves the platform.
    """
    with transaction.atomic(using=store.database):
        journal.require_serving(store)
        BookEntry.objects.using(store.database).filter(owner=me.id).delete()


# ---- the own number -----------------------------------------------------------------------------


def send_code(
    store: PlatformStore, me: Person, text: str, region: str, language: str, now: datetime
) -> str:
    """Send a code by SMS to a telephone number, with which the person confirms it; return the number as E.164.

    The message is stored, and a timer sends it. `text` is the number as it was written. Raises Denied.
    """
    number, database = _e164_or_denied(text, region), store.database
    code = f"{secrets.randbelow(10**6):06d}"
    with transaction.atomic(using=database):
        journal.require_serving(store)
        lock_profile(database, me.id)
        row = NumberCode.objects.using(database).filter(pk=me.id).first()
        sent = row.sent_today if row and row.day == now.date() else 0
        if sent >= CODES_A_DAY:
            raise Denied(DenyReason.RATE, f"at most {CODES_A_DAY} codes are sent a day")
        NumberCode.objects.using(database).update_or_create(
            user=me.id,
            defaults={
                "hmac": numbers.hashed(number, shared_key()),
                "code_hash": hash_secret(f"{me.id}:{code}"),
                "tries": 0,
                "expires_at": now + CODE_LIFE,
                "day": now.date(),
                "sent_today": sent + 1,
            },
        )
        outgoing_texts.stage_code(store, number, code, language)
    return number


def _e164_or_denied(text: str, region: str) -> str:
    """Return a telephone number, as people write it, in the form of E.164. Raises Denied if it is none."""
    if number := numbers.parse(text, region):
        return number
    raise Denied(DenyReason.MALFORMED, "number: give it with + and the country's code")


def confirm_number(
    store: PlatformStore, me: Person, text: str, region: str, code: str, now: datetime
) -> None:
    """Confirm the person's number by the code that was sent to it, and notify people who have it in their address book.

    If somebody else had confirmed the same number before, it is theirs no longer. Raises Denied for a wrong code, or
    after too many.
    """
    number, database = _e164_or_denied(text, region), store.database
    key = numbers.hashed(number, shared_key())
    is_right = False
    with transaction.atomic(using=database):
        journal.require_serving(store)
        rows = NumberCode.objects.using(database).select_for_update()
        row = rows.filter(pk=me.id, hmac=key, expires_at__gt=now, tries__lt=TRIES).first()
        if row is not None:
            is_right = hmac.compare_digest(row.code_hash, hash_secret(f"{me.id}:{code}"))
            row.tries += 1
            row.expires_at = now if is_right else row.expires_at  # A code is good once.
            row.save(using=database)
        if is_right:
            _save_number(store, me, number, key, now)
    if not is_right:  # The try is counted, so the transaction must have been committed.
        raise Denied(DenyReason.NOT_ALLOWED, WRONG)


def _save_number(store: PlatformStore, me: Person, number: str, key: str, now: datetime) -> None:
    """Save a confirmed number (`key`: its HMAC) as the person's only one, and notify people who have it."""
    database = store.database
    own = ConfirmedNumber.objects.using(database)
    own.filter(user=me.id).exclude(pk=key).delete()
    own.update_or_create(hmac=key, defaults={"user": me.id})
    CardField.objects.using(database).get_or_create(
        user=me.id, name=PHONE, defaults={"value": number, "shown_to": ShownTo.NOBODY}
    )
    CardField.objects.using(database).filter(user=me.id, name=PHONE).update(value=number)
    about = {"what": "match", "user_id": me.id, "name": me.name}
    if people := matches.people_to_notify(store, me, key):
        notify.stage_notice(store, Cmd.NUMBER, about, people, now)
