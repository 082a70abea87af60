"""Key pairs for integrators' software are made here. The secret is shown once and kept only as a hash."""

from __future__ import annotations

import secrets

from domains.models import ApiKey, hash_secret


def assign_key_pair(key: ApiKey) -> str:
    """Give a new key its name and its secret, and return the secret, which cannot be read again."""
    key.key = secrets.token_hex(8)
    secret = secrets.token_hex(16)
    key.secret_hash = hash_secret(secret)
    return secret
