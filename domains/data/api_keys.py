"""An API key is the name and secret of an integrator's client application; only a hash of the secret is stored."""

from __future__ import annotations

import secrets

from domains.models import ApiKey, hash_secret


def assign_key_pair(key: ApiKey) -> str:
    """Give a new key its name and its secret, and return the secret, which cannot be read again."""
    key.key = secrets.token_hex(8)
    secret = secrets.token_hex(16)
    key.secret_hash = hash_secret(secret)
    return secret
