"""Contacts see a person's presence and are notified of changes, unless the person hides it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from django.db import transaction

from foundation.cells import sql
from foundation.cells.directory import PlatformStore, look_up, possible_platforms, store_of
from im.data import hooks, journal, presence_store, queries
from im.models import Preference
from im.rules.messages import Notice
from im.rules.vocabulary import Cmd, Presence


def set_presence(
    store: PlatformStore, user: str, state: Presence | None, hides: bool | None
) -> None:
    """Set the presence that a person shows (`state`), and whether it is hidden from contacts (`hides`).

    `None` leaves either as it is. Raises NotServedHere or ReadOnly if another site serves the platform.
    """
    if hides is not None:
        with transaction.atomic(using=store.database):
            journal.require_serving(store)
            Preference.objects.using(store.database).update_or_create(
                user=user, defaults={"hides_presence": hides}
            )
    if state is not None:
        presence_store.set_presence(user, state)
    elif hides is not None:
        # Contacts see another presence now, although the person still shows the same one.
        presence_store.mark_changed(user)


def own_presence(store: PlatformStore, user: str, now: datetime) -> tuple[Presence, bool]:
    """Return a person's own presence, and whether the person hides it."""
    state = presence_store.presence([user], now.timestamp())[user]
    return state, bool(_people_who_hide(store.database, [user]))


def presence_of_contacts(store: PlatformStore, user: str, now: datetime) -> dict[str, Presence]:
    """Return the presence of a person's contacts, as they let others see it."""
    return visible_presence(store.database, user, queries.friends(store.database, user), now)


def pending_notices(now: datetime) -> list[Notice]:
    """Return the notices to contacts about people whose presence has changed since the last call.

    It is called every second; several changes meanwhile make one notice, of the latest state.
    """
    presence_store.expire_silent(now.timestamp())
    users = presence_store.pop_changed()
    return [
        notice
        for platform in possible_platforms()
        for notice in _notices_of_platform(platform, users, now)
    ]


_FRIENDS = (
    "SET STATEMENT group_concat_max_len = 4294967295 FOR"
    " SELECT owner, GROUP_CONCAT(other) FROM im_contact"
    " WHERE state='friend' AND owner IN ({marks}) GROUP BY owner"
)


def _notices_of_platform(platform: str, users: list[str], now: datetime) -> list[Notice]:
    """Return the notices for the friends of those people whose contacts lie in this platform's data.

    `users` are people whose presence has changed. Friends of one who hides get "offline" once; a notice at each sign-in
    would give away that the person is there.
    """
    rows = look_up(platform, _FRIENDS.format(marks=sql.marks(users)), users) if users else []
    friends = {owner: tuple(others.split(",")) for owner, others in rows}
    if not friends:
        return []
    database = store_of(platform).database
    friends = _without_hidden(database, friends)
    states = visible_presence(database, "", [*friends], now)
    hidden = _people_who_hide(database, [*friends]) | presence_store.choosing_invisible([*friends])
    newly_hidden = presence_store.record_hidden(hidden, friends.keys() - hidden)
    return [
        Notice(Cmd.PRESENCE, {"user_id": user, "state": states[user].value}, contacts)
        for user, contacts in friends.items()
        if user not in hidden or user in newly_hidden
    ]


def _without_hidden(
    database: str, friends: Mapping[str, tuple[str, ...]]
) -> dict[str, tuple[str, ...]]:
    """Return each person's friends without those to whom the person does not show presence.

    `friends`: user -> friends.
    """
    pairs = set[tuple[str, str]]().union(*hooks.PRESENCE_HIDDEN.call(database, friends.keys(), ""))
    return {
        user: tuple(friend for friend in others if (user, friend) not in pairs)
        for user, others in friends.items()
    }


def visible_presence(
    database: str, viewer: str, users: Collection[str], now: datetime
) -> dict[str, Presence]:
    """Return the presence of users as the user `viewer` sees it: OFFLINE for those who are invisible or hide it.

    An empty `viewer` stands for a viewer from whom nobody hides in particular.
    """
    states = presence_store.presence(users, now.timestamp())
    hidden = _people_who_hide(database, users)
    if viewer and users:
        pairs = set[tuple[str, str]]().union(*hooks.PRESENCE_HIDDEN.call(database, users, viewer))
        hidden |= {user for user, _ in pairs}
    return {
        user: Presence.OFFLINE if state is Presence.INVISIBLE or user in hidden else state
        for user, state in states.items()
    }


def _people_who_hide(database: str, users: Collection[str]) -> set[str]:
    """Return those of these people who hide their presence from contacts."""
    rows = Preference.objects.using(database).filter(user__in=users, hides_presence=True)
    return {*rows.values_list("user", flat=True)}
