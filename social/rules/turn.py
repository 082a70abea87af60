"""Credentials for the TURN server (coturn), which relays sound and pictures where no direct path is found. Pure.

The server checks a credential with a secret that it shares with us: the user name contains the time until which it is
valid and the person's id, and the password is the HMAC-SHA1 of the user name. The server checks it whenever a relay is
requested, which may happen late in a long call.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import NamedTuple

SECONDS = 12 * 3600
"""A credential is valid for so many seconds, as long as a token for instant messages."""


class TurnCredential(NamedTuple):
    """A name and a password for the TURN server."""

    username: str
    password: str


def turn_credential(secret: str, user: str, now: float, seconds: int = SECONDS) -> TurnCredential:
    """Return a user's name and password for the TURN server, valid for `seconds` from `now` on (seconds since 1970).

    `secret` is shared with the TURN server.
    """
    username = f"{int(now) + seconds}:{user}"
    digest = hmac.new(secret.encode(), username.encode(), hashlib.sha1).digest()
    return TurnCredential(username, base64.b64encode(digest).decode())
