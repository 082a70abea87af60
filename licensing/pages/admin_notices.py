"""Every admin page shows a warning while the licence is about to end, is invalid, or is exceeded."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest

from licensing.data.queries import describe_excess, state_of


def for_pages(request: HttpRequest) -> dict[str, Callable[[], str]]:
    """Return the template variable `licence_warning` for all pages: a function that returns the warning, or "".

    It reads the database only on a page that shows the warning, and only for administrators.
    """

    def warning() -> str:
        """Return the warning about the licence; "" if there is none, or if this user may not see it."""
        user = getattr(request, "user", None)
        if user is None or not user.is_staff or "css" not in settings.ROLES:
            return ""
        return state_of().warning or describe_excess()

    return {"licence_warning": warning}
