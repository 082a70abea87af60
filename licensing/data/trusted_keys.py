"""A site believes licences that its keys verify. It remembers a verification for a minute."""

from __future__ import annotations

import hashlib
import time

from django.conf import settings

from licensing.rules.licence_text import BadLicence, Licence, read_key, unseal

SECONDS = 60.0
"""How long a verification is remembered, so that a create does not pay for it."""

_MOST = 256
_seen: dict[bytes, tuple[float, Licence | BadLicence]] = {}


class NoKeys(BadLicence):
    """The site has no keys to verify licences with."""


def keys() -> tuple[bytes, bytes]:
    """Return the core's public key, and the key that opens sealed licences. Raises a BadLicence."""
    if not settings.LICENSE_PUBLIC_KEY or not settings.LICENSE_SEALING_KEY:
        raise NoKeys(
            "this site has no LICENSE_PUBLIC_KEY or no LICENSE_SEALING_KEY; ask for them where"
            " the licences are issued, set them, and restart"
        )
    return (
        read_key(settings.LICENSE_PUBLIC_KEY, "LICENSE_PUBLIC_KEY"),
        read_key(settings.LICENSE_SEALING_KEY, "LICENSE_SEALING_KEY"),
    )


def verify(text: str) -> Licence:
    """Verify a text now, and return its licence. Raises a BadLicence."""
    return unseal(text, *keys())


def verify_again(text: str) -> Licence:
    """Return the licence of a text, verified within the last minute. Raises a BadLicence.

    A text cannot change without its hash, by which the verification is remembered.
    """
    parts = (settings.LICENSE_PUBLIC_KEY, settings.LICENSE_SEALING_KEY, text)
    digest = hashlib.sha256("\0".join(parts).encode()).digest()
    verified_at, result = _seen.get(digest, (0.0, None))
    if result is None or time.monotonic() - verified_at > SECONDS:
        try:
            result = verify(text)
        except BadLicence as error:
            result = error
        if len(_seen) >= _MOST:
            _seen.clear()
        _seen[digest] = (time.monotonic(), result)
    if isinstance(result, BadLicence):
        raise type(result)(str(result))
    return result
