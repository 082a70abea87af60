"""Two people who are contacts, or share a circle (group), exchange their telephone numbers (CONV).

One person asks, the other agrees; then each sees the other's number. Either of them may end the exchange
for both at any time. All functions raise `Denied`, and repeating a
request changes nothing more.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from domains.models import Account
from foundation.cells.directory import PlatformStore
from im.data import journal, people
from im.data.locked_conversation import Denied
from im.data.people import Person
from im.rules.conversation_decisions import DenyReason
from im.rules.vocabulary import Cmd
from social.data import notify, viewers
from social.models import CardField, NumberExchange
from social.rules.cards import PHONE

NOBODY = "there is no such person among your contacts and in your circles"
NO_NUMBER = "give your card a number first"
ASKING, ASKED, AGREED = "asking", "asked", "agreed"


def ask_for_exchange(store: PlatformStore, me: Person, other: str, now: datetime) -> str:
    """Ask a person to exchange telephone numbers, or agree if that person has asked already.

    Return the state of the exchange for `me`. Raises Denied.
    """
    database = store.database
    with transaction.atomic(using=database):
        journal.require_serving(store)
        person = _lock_partner(store, me, other)
        _require_number(database, me)
        before = _state(database, me.id, other)
        after = AGREED if before in (ASKED, AGREED) else ASKING
        if after != before:
            their_state = AGREED if after == AGREED else ASKED
            _save_states(database, (me.id, other, after), (other, me.id, their_state))
            _notify(store, me, person, their_state, now)
            _notify(store, person, me, after, now)
    return after


def agree_to_exchange(store: PlatformStore, me: Person, other: str, now: datetime) -> str:
    """Agree to a person's request to exchange telephone numbers, and return the state.

    Raises Denied without such a request.
    """
    database = store.database
    with transaction.atomic(using=database):
        journal.require_serving(store)
        person = _lock_partner(store, me, other)
        before = _state(database, me.id, other)
        if before not in (ASKED, AGREED):
            raise Denied(DenyReason.NOT_FOUND, "nobody has asked you for this")
        _require_number(database, me)
        if before == ASKED:
            _save_states(database, (me.id, other, AGREED), (other, me.id, AGREED))
            _notify(store, me, person, AGREED, now)
            _notify(store, person, me, AGREED, now)
    return AGREED


def end_exchange(store: PlatformStore, me: Person, other: str, now: datetime) -> None:
    """Withdraw or decline a request to exchange telephone numbers, or end the exchange for both people.

    Raises NotServedHere or ReadOnly if another site serves the platform.
    """
    database = store.database
    with transaction.atomic(using=database):
        journal.require_serving(store)
        rows = NumberExchange.objects.using(database)
        own_row = rows.filter(owner=me.id, other=other).select_for_update()
        if own_row.exists():
            own_row.delete()
            rows.filter(owner=other, other=me.id).delete()
            about = {"what": "exchange", "user_id": me.id, "name": me.name, "state": ""}
            notify.stage_notice(store, Cmd.NUMBER, about, [other], now)


def _lock_partner(store: PlatformStore, me: Person, other: str) -> Person:
    """Lock the accounts of two people who exchange telephone numbers, and return the other person.

    Raises Denied unless that person is a contact or in a common circle, without a block between the two.
    """
    accounts = Account.objects.using(store.database).filter(moid__in=[me.id, other])
    len(accounts.order_by("moid").select_for_update())  # `len` runs the query.
    person = people.people_by_id(store, [other]).get(other)
    is_other = person is not None and other != me.id
    closeness = viewers.closeness(store, me, [person])[other] if person and is_other else None
    if person is None or closeness is None or closeness.is_blocked:
        raise Denied(DenyReason.NOT_FOUND, NOBODY)
    if not (closeness.is_contact or closeness.shares_circle):
        raise Denied(DenyReason.NOT_FOUND, NOBODY)
    return person


def _require_number(database: str, me: Person) -> None:
    """Raise Denied if the person's own card (profile) has no telephone number."""
    if not CardField.objects.using(database).filter(user=me.id, name=PHONE).exists():
        raise Denied(DenyReason.NOT_ALLOWED, NO_NUMBER)


def _state(database: str, me: str, other: str) -> str:
    """Return the state of the exchange of telephone numbers with `other` as `me` sees it; "" if there is none."""
    row = NumberExchange.objects.using(database).filter(owner=me, other=other).first()
    return row.state if row else ""


def _save_states(database: str, *rows: tuple[str, str, str]) -> None:
    """Write both rows of an exchange of telephone numbers, each (owner, other, state), in one statement."""
    NumberExchange.objects.using(database).bulk_create(
        [NumberExchange(owner=owner, other=other, state=state) for owner, other, state in rows],
        update_conflicts=True,
        update_fields=["state"],
    )


def _notify(store: PlatformStore, of: Person, to: Person, state: str, now: datetime) -> None:
    """Notify the person `to` of the state of the exchange of telephone numbers with the person `of`."""
    about = {"what": "exchange", "user_id": of.id, "name": of.name, "state": state}
    notify.stage_notice(store, Cmd.NUMBER, about, [to.id], now)
