"""How reachable people are: chosen, shown to their contacts, refused to all (Preference), told on change."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from django.db import transaction

from foundation.cells import sql
from foundation.cells.directory import PlatformStore, look_up, possible_platforms, store_of
from im.data import journal, presence_store, queries
from im.models import Preference
from im.rules.messages import Notice
from im.rules.vocabulary import Cmd, Presence


def choose(place: PlatformStore, user: str, state: Presence | None, hides: bool | None) -> None:
    """How one wants to be seen, and whether anybody is told at all; None leaves it as it is."""
    if hides is not None:
        with transaction.atomic(using=place.database):
            journal.require_serving(place)
            Preference.objects.using(place.database).update_or_create(
                user=user, defaults={"hides_presence": hides}
            )
    if state is not None:
        presence_store.set_presence(user, state)
    elif hides is not None:
        presence_store.mark_changed(user)


def own(place: PlatformStore, user: str, now: datetime) -> tuple[Presence, bool]:
    """How one is oneself, and whether one refuses that others are told."""
    state = presence_store.presence([user], now.timestamp())[user]
    return state, bool(_hiding(place.database, [user]))


def of_contacts(place: PlatformStore, user: str, now: datetime) -> dict[str, Presence]:
    """How one's contacts are, as they let themselves be seen."""
    return seen(place.database, queries.friends(place.database, user), now)


def notes(now: datetime) -> list[Notice]:
    """What there is to tell since the last call: each change once, to those who are contacts.

    Called every second: what changed several times meanwhile is told as it is now.
    """
    presence_store.expire_silent(now.timestamp())
    users = presence_store.pop_changed()
    return [note for one in possible_platforms() for note in _of_platform(one, users, now)]


_FRIENDS = (
    "SET STATEMENT group_concat_max_len = 4294967295 FOR"
    " SELECT owner, GROUP_CONCAT(other) FROM im_contact"
    " WHERE state='friend' AND owner IN ({marks}) GROUP BY owner"
)


def _of_platform(platform: str, users: list[str], now: datetime) -> list[Notice]:
    rows = look_up(platform, _FRIENDS.format(marks=sql.marks(users)), users) if users else []
    friends = {owner: tuple(some.split(",")) for owner, some in rows}
    states = seen(store_of(platform).database, [*friends], now) if friends else {}
    return [
        Notice(Cmd.PRESENCE, {"user_id": user, "state": states[user].value}, who)
        for user, who in friends.items()
    ]


def seen(database: str, users: Collection[str], now: datetime) -> dict[str, Presence]:
    """As others see them: who is invisible, or refuses, seems to be offline."""
    found = presence_store.presence(users, now.timestamp())
    hidden = _hiding(database, users)
    return {
        user: Presence.OFFLINE if state is Presence.INVISIBLE or user in hidden else state
        for user, state in found.items()
    }


def _hiding(database: str, users: Collection[str]) -> set[str]:
    rows = Preference.objects.using(database).filter(user__in=users, hides_presence=True)
    return {*rows.values_list("user", flat=True)}
