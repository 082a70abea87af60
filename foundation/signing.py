"""With what is signed that has to be good at another site as well."""

from __future__ import annotations

from django.conf import settings


def shared_key() -> str:
    """The key that all sites share, where there is one: what a platform has given out is good at its backup too."""
    return str(settings.ACCOUNT_SEALING_KEY or settings.SECRET_KEY)
