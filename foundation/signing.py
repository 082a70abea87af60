"""The key that signs whatever must be valid at another site as well."""

from __future__ import annotations

from django.conf import settings


def shared_key() -> str:
    """Return the key that all sites share, so that what one has signed is valid at its backup too.

    Where no key is shared, this site's own secret is returned.
    """
    return str(settings.ACCOUNT_SEALING_KEY or settings.SECRET_KEY)
