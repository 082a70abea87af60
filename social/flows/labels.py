"""People create, rename and delete labels, and put them on contacts.

Each function is one transaction; repeating it changes nothing more. All raise `Denied`.
"""

from __future__ import annotations

import logging
from collections.abc import Collection

import redis
from django.db import IntegrityError, transaction

from foundation.cells.directory import PlatformStore
from im.data import journal, presence_store, queries
from im.data.locked_conversation import Denied
from im.data.people import Person
from im.rules.conversation_decisions import FRIEND, DenyReason
from social.data import label_queries
from social.models import Label, LabelMember
from social.rules.limits import MAX_LABELS

log = logging.getLogger("social.labels")

NO_LABEL = "there is no such label of yours"


def create_label(store: PlatformStore, me: Person, name: str) -> Label:
    """Return the label for contacts with this name of the person, which is created if there is none. Raises Denied."""
    database = store.database
    with transaction.atomic(using=database):
        journal.require_serving(store)
        own = Label.objects.using(database).filter(owner=me.id, name__isnull=False)
        if existing := own.filter(name=name).first():
            return existing
        if own.count() >= MAX_LABELS:
            raise Denied(DenyReason.FULL, f"at most {MAX_LABELS} labels are allowed")
        label = Label(owner=me.id, name=name)
        try:
            with transaction.atomic(using=database):
                label.save(using=database, force_insert=True)
        except IntegrityError:
            # Another request has created it at the same moment.
            return own.get(name=name)
    return label


def change_label(
    store: PlatformStore, me: Person, number: int, name: str | None, shows_presence: bool | None
) -> Label:
    """Rename a label, or change whether people with it see the person's presence, and return it. Raises Denied.

    `None` leaves name or presence as it is.
    """
    database = store.database
    try:
        with transaction.atomic(using=database):
            journal.require_serving(store)
            label = _lock_own_label(database, me, number)
            label.name = label.name if name is None else name
            if shows_presence is not None:
                label.shows_presence = shows_presence
            label.save(using=database)
    except IntegrityError:
        raise Denied(DenyReason.MALFORMED, "name: you have a label of this name") from None
    _republish_presence(me)
    return label


def delete_label(store: PlatformStore, me: Person, number: int) -> None:
    """Delete the label `number` of the person; its people stay excluded from posts (moments) that exclude the label.

    Raises NotServedHere or ReadOnly if another site serves the platform.
    """
    with transaction.atomic(using=store.database):
        journal.require_serving(store)
        label = _lock_own_label(store.database, me, number)
        label.name, label.shows_presence = None, True
        label.save(using=store.database)


def set_on_contacts(
    store: PlatformStore, me: Person, number: int, users: Collection[str], on: bool
) -> None:
    """Put the label with this id on contacts (`on`), or remove it from them.

    Raises Denied if it is not the person's label, or one of the users is no contact.
    """
    database = store.database
    with transaction.atomic(using=database):
        journal.require_serving(store)
        label = _lock_own_label(database, me, number)
        rows = LabelMember.objects.using(database)
        if on:
            states = queries.states_between(database, me.id, [*users])
            if any(state[0] != FRIEND for state in states.values()):
                raise Denied(DenyReason.NOT_FOUND, "users: one of them is no contact of yours")
            members = [LabelMember(label_id=label.id, user=user) for user in {*users}]
            rows.bulk_create(members, ignore_conflicts=True)
        else:
            rows.filter(label_id=label.id, user__in=users).delete()
    _republish_presence(me)


def set_labels(store: PlatformStore, me: Person, user: str, numbers: Collection[int]) -> None:
    """Give a contact exactly these labels (ids) of the person; other labels are removed from the contact.

    Raises Denied if it is no contact, or a label is not the person's.
    """
    database = store.database
    with transaction.atomic(using=database):
        journal.require_serving(store)
        if queries.states_between(database, me.id, [user])[user][0] != FRIEND:
            raise Denied(DenyReason.NOT_FOUND, "there is no such contact")
        own = {label.id for label in label_queries.labels_of(database, me.id)}
        if not {*numbers} <= own:
            raise Denied(DenyReason.NOT_FOUND, f"labels: {NO_LABEL}")
        rows = LabelMember.objects.using(database)
        rows.filter(label_id__in=own - {*numbers}, user=user).delete()
        rows.bulk_create(
            [LabelMember(label_id=number, user=user) for number in {*numbers}],
            ignore_conflicts=True,
        )
    _republish_presence(me)


def _republish_presence(me: Person) -> None:
    """Let the person's presence be sent to contacts again, as labels decide who sees it; skip this without Redis."""
    try:
        presence_store.mark_changed(me.id)
    except redis.RedisError as error:
        log.warning("contacts are not told of presence: %s", error)


def _lock_own_label(database: str, me: Person, number: int) -> Label:
    """Lock and return the label `number`, which must be the person's own. Raises Denied."""
    rows = Label.objects.using(database).filter(pk=number, owner=me.id, name__isnull=False)
    label = rows.select_for_update().first()
    if label is None:
        raise Denied(DenyReason.NOT_FOUND, NO_LABEL)
    return label
