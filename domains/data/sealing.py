"""Secrets of accounts are encrypted ("sealed") with AES-GCM on their way from the core to the sites.

The core is the deployment where accounts are edited. It shares a key with all sites: `ACCOUNT_SEALING_KEY`, 32
bytes in base64. A sealed text can be opened for its own account only.
"""

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

_NONCE_BYTES = 12
_KEY_BYTES = 32


class UnsealError(ValueError):
    """The error says why the encrypted secrets of an account cannot be decrypted at this site."""


@cache
def _cipher(key: str) -> AESGCM:
    """Return the cipher for a key in base64. Raises UnsealError if the key is malformed."""
    try:
        raw = base64.b64decode(key + "=" * (-len(key) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        raw = b""
    if len(raw) != _KEY_BYTES:
        raise UnsealError("ACCOUNT_SEALING_KEY must be 32 random bytes in base64")
    return AESGCM(raw)


def find_key_problem() -> str:
    """Return why `ACCOUNT_SEALING_KEY` cannot be used, in words for operators. "" means that it can."""
    if not settings.ACCOUNT_SEALING_KEY:
        return (
            "ACCOUNT_SEALING_KEY is not set: people of the core's tree cannot sign in at the sites"
        )
    try:
        _cipher(settings.ACCOUNT_SEALING_KEY)
    except UnsealError as error:
        return str(error)
    return ""


def seal(moid: str, secrets: dict[str, Any]) -> str | None:
    """Encrypt the secrets of an account (`moid`), and return them as text. `None` means that there is no usable key."""
    if find_key_problem():
        return None
    nonce = os.urandom(_NONCE_BYTES)
    cipher = _cipher(settings.ACCOUNT_SEALING_KEY)
    hidden = cipher.encrypt(nonce, orjson.dumps(secrets), moid.encode())
    return base64.urlsafe_b64encode(nonce + hidden).decode()


def unseal(moid: str, text: str) -> dict[str, Any]:
    """Decrypt the sealed secrets of an account (`moid`), and return them. Raises UnsealError."""
    if problem := find_key_problem():
        raise UnsealError(problem)
    try:
        raw = base64.b64decode(text, altchars=b"-_", validate=True)
        plain = _cipher(settings.ACCOUNT_SEALING_KEY).decrypt(
            raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], moid.encode()
        )
        secrets = orjson.loads(plain)
    except (ValueError, binascii.Error, InvalidTag):
        raise UnsealError("sealed with another key than this site's, or altered") from None
    if not isinstance(secrets, dict):
        raise UnsealError("sealed: not an object")
    return secrets
