"""Every admin page shows a warning while the licence is about to end, is invalid, or is exceeded."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest

from licensing.data.queries import over_licence, state_of


def for_pages(request: HttpRequest) -> dict[str, Callable[[], str]]:
    """Add `licence_warning` to the context of admin pages.

    Only a page that shows the warning calls it, and only administrators see one.
    """

    def warning() -> str:
        user = getattr(request, "user", None)
        if user is None or not user.is_staff or "css" not in settings.ROLES:
            return ""
        return state_of().warning or over_licence()

    return {"licence_warning": warning}
