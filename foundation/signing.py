"""Define the key that signs texts, such as links, that must be valid at other sites as well."""

from __future__ import annotations

from django.conf import settings


def shared_key() -> str:
    """Return the signing key that all sites share, or this site's own secret if the settings name no shared key.

    With a shared key, a text that one site has signed is valid at the site that takes over from it.
    """
    return str(settings.ACCOUNT_SEALING_KEY or settings.SECRET_KEY)
