"""Conversations for tests, and what happens in them without any broker."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.utils import timezone

from foundation.cells.directory import own_platform, store_of
from im.data.membership import MemberCache
from im.flows.process import process
from im.models import Conversation, Member
from im.rules import tokens
from im.rules.messages import BatchResult, IncomingRequest, Request, Say
from im.rules.tokens import Bearer
from im.rules.vocabulary import Kind, Role, Type


def conversation(*users: str, kind: Kind = Kind.GROUP, **more: Any) -> int:
    """Of these people; the first one is its owner. Its id."""
    about = {"domain": "d", "creator": users[0], "members": len(users), "members_version": 1}
    made = Conversation.objects.create(kind=kind, **{**about, **more})
    Member.objects.bulk_create(
        [
            Member(
                conversation=made,
                user=user,
                name=user.upper(),
                role=Role.MEMBER if n or kind is Kind.DIRECT else Role.OWNER,
            )
            for n, user in enumerate(users)
        ]
    )
    return made.pk


def token_of(user: str) -> str:
    """As sign-in gives it."""
    return tokens.issue(user, own_platform(), Bearer.USER, timezone.now().timestamp())[0]


def text(number: int, body: str = "hello") -> Say:
    """A plain message."""
    return Say(number, Type.TEXT, body)


def wish(sender: str, said: Request, mark: str | None = None, **more: Any) -> IncomingRequest:
    """As the parser hands it over."""
    return IncomingRequest(sender, "", said, mark, **more)


def done(some: Sequence[IncomingRequest], now: datetime | None = None) -> BatchResult:
    """One batch, by a center that remembers nothing."""
    return process(store_of(own_platform()), MemberCache(), some, now or timezone.now())
