"""The people and conversations of the load are made inside a process with a site's settings."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import Any

from django.db import transaction

from benchmarks.chat import plan
from domains.models import Account
from foundation import clock
from foundation.cells.directory import own_platform, store_of
from im.data import broker, journal, presence_store
from im.models import Conversation, Member
from im.rules import tokens
from im.rules.messages import DraftEntry
from im.rules.tokens import Bearer
from im.rules.vocabulary import Cmd, Kind, Type

HOURS = 6 * 3600


def _conversation(kind: Kind, users: Sequence[str]) -> str:
    """Create a conversation of this kind with these members, and return its number."""
    about = {"domain": "d", "creator": users[0], "members": len(users), "members_version": 1}
    conversation = Conversation.objects.create(kind=kind, **about)
    Member.objects.bulk_create(
        Member(conversation=conversation, user=user, name=user, role="member") for user in users
    )
    return str(conversation.pk)


def _token(user: str) -> str:
    return tokens.issue(user, own_platform(), Bearer.USER, time.time())[0]


def _exchanges(users: Sequence[str]) -> float:
    """Create the message exchange of each user at the broker; return how many were created a second."""
    start = time.perf_counter()
    for user in users:
        broker.ensure_user(user)
    return round(len(users) / (time.perf_counter() - start), 1)


def _missed() -> dict[str, str]:
    """Create a conversation whose messages a person's device has missed.

    Return its number, and a token to sign in with.
    """
    account = Account.objects.get(username="anna")
    number = _conversation(Kind.DIRECT, [account.moid, plan.name(0)])
    store, now = store_of(own_platform()), clock.now()
    with transaction.atomic(using=store.database):
        locked = journal.lock_conversations(store.database, [int(number)])[int(number)]
        for n in range(plan.MISSED):
            draft = DraftEntry(
                Cmd.MSG, plan.name(0), plan.name(0), None, Type.TEXT, f"{n} " + "x" * 140
            )
            locked.append(draft, now)
        journal.save_changed(store.database, [locked])
    return {"conversation": number, "token": _token(account.moid)}


def main() -> None:
    """Make people and conversations, and print them as JSON."""
    users = [plan.name(number) for number in range(plan.PEOPLE)]
    town: dict[str, Any] = {"missed": _missed(), "tokens": {user: _token(user) for user in users}}
    town["pairs"] = [
        _conversation(Kind.DIRECT, users[2 * n : 2 * n + 2]) for n in range(plan.PAIRS)
    ]
    town["groups"] = {
        f"{size}/{n}": _conversation(
            Kind.GROUP, [users[member] for member in plan.members(size, n)]
        )
        for size, n in plan.groups()
    }
    presence_store.record_devices(
        [presence_store.SignOfLife(user, "bench", "a") for user in users], time.time() + HOURS
    )
    town["exchanges_per_second"] = _exchanges(users)
    print(json.dumps(town))
