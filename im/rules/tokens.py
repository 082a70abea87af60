"""Tokens identify clients at the broker and in messages.

They are signed, so no database is needed to check them.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from django.core import signing

from foundation.signing import shared_key
from im.rules.vocabulary import TOKEN_SECONDS

PREFIX = "Tricolor"
"""This word stands before the token in a message's `token` (IM §10.3)."""
_SALT = "im.token"


class Bearer(StrEnum):
    """The kind of client that holds an access token; it decides what the client may do at the broker.

    USER: a person's device. MANAGER: a management client. SERVICE: a program such as a media server.
    """

    USER = "u"
    MANAGER = "m"
    SERVICE = "s"


@dataclass(frozen=True, slots=True)
class Token:
    """Represent the content of an access token for instant messages. `issued` and `expires` are in seconds since 1970.

    `platform` is the platform whose data holds the person's conversations.
    """

    user: str
    platform: str
    bearer: Bearer
    id: str
    issued: int
    expires: int

    def is_live(self, now: float) -> bool:
        """Return whether the token has not expired; `now` is in seconds since 1970.

        A token that was issued up to a minute ahead of our clock counts as live.
        """
        return self.issued - 60 <= now < self.expires

    @property
    def expires_at(self) -> datetime:
        """Return the time at which the token expires."""
        return datetime.fromtimestamp(self.expires, UTC)


class InvalidToken(ValueError):
    """The token is not signed by us, or not readable."""


def issue(
    user: str, platform: str, bearer: Bearer, now: float, seconds: int = TOKEN_SECONDS
) -> tuple[str, Token]:
    """Return a new access token, as signed text and as value, that is valid for this many seconds.

    `platform` is the platform whose data holds the user's conversations; `now` is in seconds since 1970.
    """
    issued = int(now)
    token = Token(user, platform, bearer, secrets.token_hex(8), issued, issued + seconds)
    fields = [token.user, token.platform, token.bearer, token.id, token.issued, token.expires]
    return _signer().sign_object(fields), token


def read(text: str) -> Token:
    """Check the signature of an access token and return its content. Raises InvalidToken.

    The token may still be expired or revoked.
    """
    if len(text) > 512:
        raise InvalidToken("too long")
    try:
        user, platform, bearer, token_id, issued, expires = _signer().unsign_object(text)
        return Token(user, platform, Bearer(bearer), token_id, int(issued), int(expires))
    except (signing.BadSignature, ValueError, TypeError) as error:
        raise InvalidToken(type(error).__name__) from None


def _signer() -> signing.Signer:
    """Return the signer of tokens, which all sites share."""
    return signing.Signer(key=shared_key(), salt=_SALT)
