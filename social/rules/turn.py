"""Credentials for the TURN server (coturn), which relays sound and pictures where no direct path is found. Pure.

The server checks a credential by itself, with a secret that it shares with us: the name says until when it is good and
for whom, the password is the HMAC-SHA1 of the name. It is checked only when a relay is asked for, so it has to be good
for as long as the longest call may take to need one.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import NamedTuple

SECONDS = 12 * 3600
"""A credential is good for so long, as long as a token for instant messages."""


class TurnCredential(NamedTuple):
    """A name and a password for the TURN server."""

    username: str
    password: str


def turn_credential(secret: str, user: str, now: float, seconds: int = SECONDS) -> TurnCredential:
    """Return a credential of a person that is good for so many seconds from `now` (seconds since 1970)."""
    username = f"{int(now) + seconds}:{user}"
    digest = hmac.new(secret.encode(), username.encode(), hashlib.sha1).digest()
    return TurnCredential(username, base64.b64encode(digest).decode())
