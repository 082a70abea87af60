"""Tokens for one visitor of a conference, made from the token that its media unit has issued for the whole Janus room.

The platform makes them for pages, and the gate (the proxy before Janus) checks them. Both hold the room's token, which
no visitor learns: its signature is the key by which the visitor's token is signed.
"""

from __future__ import annotations

import base64
import hashlib
import hmac

_MARK = ",visitor="


def visitor_token(room_token: str, visitor: str) -> str:
    """Return the token by which the visitor with this id, and nobody else, may enter the Janus room of `room_token`."""
    text, _, signature = room_token.rpartition(":")
    named = f"{text}{_MARK}{visitor}"
    signed = hmac.new(signature.encode(), named.encode(), hashlib.sha256).digest()
    return f"{named}:{base64.b64encode(signed).decode()}"


def visitor_named_in(token_text: str) -> tuple[str, str]:
    """Return the text of the room's token in that of a visitor's token, and the visitor's id; "" if it names none."""
    text, _, visitor = token_text.partition(_MARK)
    return text, visitor
