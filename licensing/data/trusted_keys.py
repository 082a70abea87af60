"""Licences are verified with the keys of this site. Each result is cached for a minute."""

from __future__ import annotations

import hashlib
import time
from typing import NamedTuple

from django.conf import settings

from licensing.rules.licence_text import BadLicence, Licence, read_key, unseal

CACHE_SECONDS = 60.0
"""The result of a verification is cached so long, so that creating a conference does not wait for one."""

_MAX_CACHED = 256
_cache: dict[bytes, tuple[float, Licence | BadLicence]] = {}


class NoKeys(BadLicence):
    """The error says that this site has no keys to verify licences with."""


class TrustedKeys(NamedTuple):
    """The public key of the central site (the core), which verifies licences, and the key that decrypts them."""

    public_key: bytes
    sealing_key: bytes


def load_keys() -> TrustedKeys:
    """Return the keys by which this site verifies and decrypts licences.

    Raises BadLicence if one of them is not configured, or is no key.
    """
    if not settings.LICENSE_PUBLIC_KEY or not settings.LICENSE_SEALING_KEY:
        raise NoKeys(
            "this site has no LICENSE_PUBLIC_KEY or no LICENSE_SEALING_KEY; ask for them where"
            " the licences are issued, set them, and restart"
        )
    return TrustedKeys(
        read_key(settings.LICENSE_PUBLIC_KEY, "LICENSE_PUBLIC_KEY"),
        read_key(settings.LICENSE_SEALING_KEY, "LICENSE_SEALING_KEY"),
    )


def verify(text: str) -> Licence:
    """Verify and decrypt a licence's sealed text by this site's keys, and return the licence. Raises BadLicence."""
    return unseal(text, *load_keys())


def verify_cached(text: str) -> Licence:
    """Return the licence of a sealed (signed, encrypted) text, verified within the last minute. Raises BadLicence.

    Results, also errors, are cached by a hash of text and keys.
    """
    parts = (settings.LICENSE_PUBLIC_KEY, settings.LICENSE_SEALING_KEY, text)
    digest = hashlib.sha256("\0".join(parts).encode()).digest()
    verified_at, result = _cache.get(digest, (0.0, None))
    if result is None or time.monotonic() - verified_at > CACHE_SECONDS:
        try:
            result = verify(text)
        except BadLicence as error:
            result = error
        if len(_cache) >= _MAX_CACHED:
            _cache.clear()
        _cache[digest] = (time.monotonic(), result)
    if isinstance(result, BadLicence):
        raise type(result)(str(result))
    return result
