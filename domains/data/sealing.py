"""Secrets of accounts on their way from the core to the platforms: AES-GCM, with a key that core and
sites share (`ACCOUNT_SEALING_KEY`: 32 bytes, base64). Bound to the account that they belong to."""

from __future__ import annotations

import base64
import binascii
import os
from functools import cache
from typing import Any

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

_NONCE = 12
_KEY_BYTES = 32


class UnsealError(ValueError):
    """What is sealed cannot be read here; the text says why."""


@cache
def _cipher(key: str) -> AESGCM:
    try:
        raw = base64.b64decode(key + "=" * (-len(key) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        raw = b""
    if len(raw) != _KEY_BYTES:
        raise UnsealError("ACCOUNT_SEALING_KEY must be 32 random bytes in base64")
    return AESGCM(raw)


def find_key_problem() -> str:
    """What is wrong with the key, in words; "" when nothing is."""
    if not settings.ACCOUNT_SEALING_KEY:
        return (
            "ACCOUNT_SEALING_KEY is not set: people of the core's tree cannot sign in at the sites"
        )
    try:
        _cipher(settings.ACCOUNT_SEALING_KEY)
    except UnsealError as wrong:
        return str(wrong)
    return ""


def seal(moid: str, secrets: dict[str, Any]) -> str | None:
    """Secrets of an account as text, or None where there is no key."""
    if find_key_problem():
        return None
    nonce = os.urandom(_NONCE)
    cipher = _cipher(settings.ACCOUNT_SEALING_KEY)
    hidden = cipher.encrypt(nonce, orjson.dumps(secrets), moid.encode())
    return base64.urlsafe_b64encode(nonce + hidden).decode()


def unseal(moid: str, text: str) -> dict[str, Any]:
    """The secrets of an account. Raises CannotOpen."""
    if wrong := find_key_problem():
        raise UnsealError(wrong)
    try:
        raw = base64.b64decode(text, altchars=b"-_", validate=True)
        plain = _cipher(settings.ACCOUNT_SEALING_KEY).decrypt(
            raw[:_NONCE], raw[_NONCE:], moid.encode()
        )
        found = orjson.loads(plain)
    except (ValueError, binascii.Error, InvalidTag):
        raise UnsealError("sealed with another key than this site's, or altered") from None
    if not isinstance(found, dict):
        raise UnsealError("sealed: not an object")
    return found
