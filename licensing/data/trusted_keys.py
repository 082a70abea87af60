"""Which licences this site believes: its keys, and what was verified a moment ago."""

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
    """This site was not told whom to believe."""


def keys() -> tuple[bytes, bytes]:
    """The core's public key, and the key that opens sealed licences. Raises a BadLicence."""
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
    """The licence of a text, verified now. Raises a BadLicence."""
    return unseal(text, *keys())


def verify_again(text: str) -> Licence:
    """The same, believed for a minute: a text cannot change without its hash. Raises a BadLicence."""
    parts = (settings.LICENSE_PUBLIC_KEY, settings.LICENSE_SEALING_KEY, text)
    mark = hashlib.sha256("\0".join(parts).encode()).digest()
    verified_at, found = _seen.get(mark, (0.0, None))
    if found is None or time.monotonic() - verified_at > SECONDS:
        try:
            found = verify(text)
        except BadLicence as wrong:
            found = wrong
        if len(_seen) >= _MOST:
            _seen.clear()
        _seen[mark] = (time.monotonic(), found)
    if isinstance(found, BadLicence):
        raise type(found)(str(found))
    return found
