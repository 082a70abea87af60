"""Tokens with which clients sign in at the broker and say who they are: signed, so that no database is asked."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from django.core import signing

from foundation.signing import shared_key
from im.rules.vocabulary import TOKEN_SECONDS

PREFIX = "Tricolor"
"""Stands before the token in a message's `token` (IM §10.3)."""
_SALT = "im.token"


class Bearer(StrEnum):
    """Whose token it is, which decides what the door lets it do."""

    USER = "u"
    MANAGER = "m"
    SERVICE = "s"


@dataclass(frozen=True, slots=True)
class Token:
    """What a token says. `platform`: in whose cell the person's conversations lie."""

    user: str
    platform: str
    bearer: Bearer
    id: str
    issued: int
    expires: int

    def is_live(self, now: float) -> bool:
        """Has its time not run out (seconds since 1970)?"""
        return self.issued - 60 <= now < self.expires

    @property
    def expires_at(self) -> datetime:
        """When its time runs out."""
        return datetime.fromtimestamp(self.expires, UTC)


class Forged(ValueError):
    """Not signed by us, or not readable."""


def issue(
    user: str, platform: str, bearer: Bearer, now: float, seconds: int = TOKEN_SECONDS
) -> tuple[str, Token]:
    """A new token, as text and as value; good for so many seconds."""
    issued = int(now)
    token = Token(user, platform, bearer, secrets.token_hex(8), issued, issued + seconds)
    says = [token.user, token.platform, token.bearer, token.id, token.issued, token.expires]
    return _signer().sign_object(says), token


def read(text: str) -> Token:
    """What a token says; whether it is live or revoked is another question. Raises Forged."""
    if len(text) > 512:
        raise Forged("too long")
    try:
        user, platform, bearer, number, issued, expires = _signer().unsign_object(text)
        return Token(user, platform, Bearer(bearer), number, int(issued), int(expires))
    except (signing.BadSignature, ValueError, TypeError) as wrong:
        raise Forged(type(wrong).__name__) from None


def _signer() -> signing.Signer:
    return signing.Signer(key=shared_key(), salt=_SALT)
