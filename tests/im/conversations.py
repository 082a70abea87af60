"""Conversations for tests, and requests that are processed without any broker."""

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
    """Create a conversation of these people, the first of whom is its owner, and return its id."""
    about = {"domain": "d", "creator": users[0], "members": len(users), "members_version": 1}
    row = Conversation.objects.create(kind=kind, **{**about, **more})
    Member.objects.bulk_create(
        [
            Member(
                conversation=row,
                user=user,
                name=user.upper(),
                role=Role.MEMBER if n or kind is Kind.DIRECT else Role.OWNER,
            )
            for n, user in enumerate(users)
        ]
    )
    return row.pk


def token_of(user: str) -> str:
    """Return a token as sign-in issues it."""
    return tokens.issue(user, own_platform(), Bearer.USER, timezone.now().timestamp())[0]


def text(number: int, body: str = "hello") -> Say:
    """Return a plain message."""
    return Say(number, Type.TEXT, body)


def incoming(
    sender: str, request: Request, client_msg_id: str | None = None, **more: Any
) -> IncomingRequest:
    """Return a request as the parser returns it."""
    return IncomingRequest(sender, "", request, client_msg_id, **more)


def process_batch(requests: Sequence[IncomingRequest], now: datetime | None = None) -> BatchResult:
    """Process one batch with empty caches."""
    return process(store_of(own_platform()), MemberCache(), requests, now or timezone.now())
