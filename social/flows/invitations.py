"""People invite others by a link that works once; a guest who follows it becomes a contact of the inviting person.

A guest without an account registers with the link, in the tenant of the inviting person. Each
function is one transaction; all raise `Denied`.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from domains.data.queries import is_kept_at_core
from domains.flows import people as accounts
from domains.models import Account
from domains.models.accounts import hash_secret
from foundation.cells.directory import PlatformStore, store_of
from foundation.cells.serving import served_platforms
from im.data import journal, people
from im.data.locked_conversation import Denied
from im.data.people import Person
from im.flows import contacts, members
from im.rules.conversation_decisions import DenyReason
from social.data import outgoing_texts
from social.models import BookDay, Circle, Invitation
from social.rules.limits import INVITATION_LIFE, INVITATIONS_A_DAY

NOT_OPEN = "this link was used before, or it is too old: ask for another one"


def create_invitation(
    store: PlatformStore, me: Person, circle: int | None, now: datetime
) -> tuple[str, str]:
    """Create an invitation to sign up as a guest of `me`, and return its code and its link.

    `circle`: the id of a circle (group) that the guest joins, too. Raises Denied.
    """
    if not settings.INVITATIONS or not me.domain or is_kept_at_core(store.database, me.domain):
        raise Denied(DenyReason.NOT_ALLOWED, "your tenant takes no people by invitation")
    code, database = secrets.token_urlsafe(18), store.database
    with transaction.atomic(using=database):
        journal.require_serving(store)
        # The lock makes two requests at once count each other.
        Account.objects.using(database).select_for_update().get(moid=me.id)
        own = Invitation.objects.using(database).filter(inviter=me.id)
        if own.filter(created_at__gt=now - timedelta(days=1)).count() >= INVITATIONS_A_DAY:
            raise Denied(DenyReason.RATE, f"at most {INVITATIONS_A_DAY} invitations a day")
        if circle and not Circle.objects.using(database).filter(pk=circle).exists():
            raise Denied(DenyReason.NOT_FOUND, "circle: there is no such circle")
        Invitation(
            code_hash=hash_secret(code),
            inviter=me.id,
            domain=me.domain,
            circle=circle,
            created_at=now,
            expires_at=now + INVITATION_LIFE,
        ).save(using=database, force_insert=True)
    return code, f"{settings.PUBLIC_URL}/people/invited/{code}/"


def send_invitation(store: PlatformStore, me: Person, to: str, link: str, language: str) -> None:
    """Store a message with the link of an invitation, which a timer sends by SMS or e-mail.

    `to`: the guest's number (with +) or e-mail address. Raises NotServedHere or ReadOnly if another site serves the
    platform.
    """
    with transaction.atomic(using=store.database):
        journal.require_serving(store)
        outgoing_texts.stage_invitation(store, to, me.name, link, language)


def find_unused_invitation(code: str, now: datetime) -> tuple[PlatformStore, Person] | None:
    """Return the platform's database and the inviting person of the unused invitation with this code.

    `None` means that there is none, or that another site takes the platform's requests.
    """
    for platform in served_platforms():
        store = store_of(platform)
        rows = Invitation.objects.using(store.database).filter(
            pk=hash_secret(code), used_by="", expires_at__gt=now
        )
        for row in rows:
            inviter = people.people_by_id(store, [row.inviter]).get(row.inviter)
            return (store, inviter) if inviter else None
    return None


def accept_invitation(store: PlatformStore, me: Person, code: str, now: datetime) -> Person:
    """Accept an invitation for a person who has an account; return the inviting person, who is a contact now.

    Raises Denied.
    """
    return _redeem(store, code, now, lambda domain: me)


def register_guest(
    store: PlatformStore, code: str, name: str, username: str, password: str, now: datetime
) -> Account:
    """Create an account by an invitation, in the inviting person's tenant, and return it.

    Raises Denied, and domains' RuleBroken if name or password are not as they may be.
    """
    created: list[Account] = []

    def create_guest(domain: str) -> Person:
        """Create the guest's account in the tenant `domain`, keep it in `created`, and return its person."""
        created.append(
            accounts.create(
                password,
                store.database,
                username=username,
                first_name=name,
                domain_id=domain,
            )
        )
        return people.person_of_account(created[0])

    _redeem(store, code, now, create_guest)
    return created[0]


def _redeem(
    store: PlatformStore, code: str, now: datetime, guest_of: Callable[[str], Person]
) -> Person:
    """Mark an invitation as used, make both people contacts, and add the guest to its circle, if it names one.

    `guest_of`: a function that returns the guest; its argument is the MOID of the inviting person's tenant. Return
    the inviting person. Raises Denied.
    """
    database = store.database
    with transaction.atomic(using=database):
        journal.require_serving(store)
        rows = Invitation.objects.using(database).select_for_update()
        row = rows.filter(pk=hash_secret(code), used_by="", expires_at__gt=now).first()
        inviter = people.people_by_id(store, [row.inviter]).get(row.inviter) if row else None
        if row is None or inviter is None:
            raise Denied(DenyReason.NOT_FOUND, NOT_OPEN)
        guest = guest_of(row.domain)
        contacts.make_friends(store, guest, inviter.id, now)
        row.used_by = guest.id
        row.save(using=database)
        if row.circle:
            _add_to_circle(store, row.circle, inviter, guest, now)
    return inviter


def _add_to_circle(
    store: PlatformStore, circle: int, inviter: Person, guest: Person, now: datetime
) -> None:
    """Add a guest to a circle (group with a wall of posts).

    Do nothing if the inviting person may not invite to it any more.
    """
    try:
        with transaction.atomic(using=store.database):
            members.add_members(store, circle, inviter, [guest.id], True, now)
            members.join_group(store, circle, guest, now)
    except Denied:
        pass  # The two are contacts all the same.


def delete_expired(platform: str, now: datetime) -> None:
    """Delete invitations of a platform that expired over a day ago, and the address books' counts of days before.

    Younger rows are needed for the limits per day. Raises NotServedHere or ReadOnly if another site serves the
    platform.
    """
    store = store_of(platform)
    with transaction.atomic(using=store.database):
        journal.require_serving(store)
        old = Invitation.objects.using(store.database).filter(
            expires_at__lt=now - timedelta(days=1)
        )
        old.delete()
        days = BookDay.objects.using(store.database)
        days.filter(day__lt=now.date() - timedelta(days=1)).delete()
