"""Define queries for the facts that decide whether a person may call another one."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from conferences.rules.licence_counts import VISITOR, amounts_of_new
from domains.models import Account
from foundation.cells.directory import PlatformStore
from im.data import people, presence_store, queries
from im.data.people import Person
from im.rules.conversation_decisions import BLOCKED, FRIEND
from licensing.data.queries import usage_and_limits_of_site
from social.data import call_hooks, call_rows
from social.data.circle_queries import circles_of
from social.rules.call_start import Facts
from wire.fields import SMALL


def lock_people(store: PlatformStore, me: Person, other: str) -> Person | None:
    """Lock the accounts of both people, so that neither begins two calls at once; return the called person.

    `other`: the id of the called person. `None` means that there is no such person on this platform.
    """
    person = people.people_by_id(store, [other]).get(other)
    if person is None or other == me.id:
        return None
    accounts = Account.objects.using(store.database).filter(moid__in=[me.id, other])
    len(accounts.order_by("moid").select_for_update())  # `len` runs the query.
    return person


def read_facts(store: PlatformStore, me: Person, other: Person, now: datetime) -> Facts:
    """Return the facts by which `rules.call_start` decides whether one person may call another."""
    database = store.database
    own_state, their_state = queries.states_between(database, me.id, [other.id])[other.id]
    # What a call takes of the licence: a small conference, and two people in it.
    needed = amounts_of_new(SMALL) + VISITOR + VISITOR
    return Facts(
        is_contact=own_state == FRIEND,
        shares_tenant=bool(me.domain) and me.domain == other.domain,
        shares_circle=_share_circle(database, me.id, other.id),
        is_blocked=BLOCKED in (own_state, their_state),
        has_tenant=bool(me.domain),
        is_online=other.id in presence_store.protocols_of_online([other.id], now.timestamp()),
        is_licensed=not usage_and_limits_of_site().missing_resource(needed),
        is_permitted=call_hooks.may_talk(database, me.id, other.id),
        live=call_rows.live_calls_of(database, [me.id, other.id]),
    )


def _share_circle(database: str, person: str, other: str) -> bool:
    """Return whether two people are members, and not only invited, of one circle (group with a wall of posts)."""
    circles = [view.circle.pk for view in circles_of(database, person)]
    both = Counter(
        number for number, _ in queries.fellow_members(database, circles, [person, other])
    )
    return 2 in both.values()
