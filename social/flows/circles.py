"""People create circles and change what a circle has besides its conversation: description and picture.

A circle is a group conversation of `im` with a wall. Members, roles, joining, mute, leaving, handing
over and dissolving are the conversation's (`im.flows.members`, `im.flows.conversations`).
All functions raise `Denied`.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from django.db import transaction

from foundation.cells.directory import PlatformStore
from im.data import journal
from im.data.locked_conversation import Denied, lock_conversation
from im.data.people import Person
from im.flows import conversations
from im.models import Conversation
from im.rules.conversation_decisions import DenyReason, GroupAction
from im.rules.messages import Data
from im.rules.vocabulary import Cmd, Joining
from social.data import file_uses
from social.models import Circle
from social.rules.limits import MAX_CIRCLES

NO_CIRCLE = "there is no such circle, or you are not in it"


def create_circle(
    store: PlatformStore,
    me: Person,
    name: str,
    users: Collection[str],
    joining: Joining,
    description: str,
    key: str,
    now: datetime,
) -> int:
    """Create a circle (a group conversation with a wall of posts) whose owner is `me`, and return its id.

    A repeated call with the same `key` returns the same circle. Raises Denied, also for a person who has founded
    MAX_CIRCLES.
    """
    database = store.database
    with transaction.atomic(using=database):
        journal.require_serving(store)
        own = Conversation.objects.using(database).filter(creator=me.id, closed=False)
        circles = Circle.objects.using(database).filter(conversation__in=own.values("pk"))
        if circles.count() >= MAX_CIRCLES:
            raise Denied(DenyReason.FULL, f"at most {MAX_CIRCLES} circles are founded by a person")
        key = f"circle:{key}" if key else ""
        number = conversations.create_group(store, me, name, users, joining, key, now)
        Circle.objects.using(database).get_or_create(
            conversation=number, defaults={"description": description}
        )
    return number


def change_circle(
    store: PlatformStore, me: Person, number: int, wanted: dict[str, object], now: datetime
) -> None:
    """Change those of a circle's (group's) settings that are in `wanted`: name, notice, description, picture ...

    `picture` is the id of an upload of the person, or `None` for no picture. Raises Denied.
    """
    circle_fields: dict[str, object] = {
        name: wanted.pop(name) for name in ("description", "picture") if name in wanted
    }
    database = store.database
    with transaction.atomic(using=database):
        if not Circle.objects.using(database).filter(pk=number).exists():
            raise Denied(DenyReason.NOT_FOUND, NO_CIRCLE)
        if wanted:
            conversations.change_settings(store, number, me, wanted, now)
        if circle_fields:
            _change_circle(store, me, number, circle_fields, now)


def _change_circle(
    store: PlatformStore, me: Person, number: int, wanted: dict[str, object], now: datetime
) -> None:
    """Change the description or picture of a circle (group), and add an entry about it to the conversation's log.

    Does nothing if nothing differs. Raises Denied.
    """
    with lock_conversation(store, number, me, now) as locked:
        locked.check_allowed(GroupAction.SET)
        row = Circle.objects.using(store.database).select_for_update().get(pk=number)
        new = {name: value for name, value in wanted.items() if getattr(row, name) != value}
        if not new:
            return
        if "picture" in new:
            picture = new["picture"]
            file_uses.replace_picture(
                store.database,
                file_uses.CIRCLE,
                str(number),
                me.id,
                picture if isinstance(picture, UUID) else None,
            )
        Circle.objects.using(store.database).filter(pk=number).update(**new)
        about: Data = {
            name: str(value) if isinstance(value, UUID) else value for name, value in new.items()
        }
        locked.log(Cmd.CONVERSATION, {"what": "changed", **about})
