"""What every admin page says while the licence is about to end, is no good, or is not enough."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest

from licensing.data.queries import over_licence, state_of


def for_pages(request: HttpRequest) -> dict[str, Callable[[], str]]:
    """A context processor; only a page that shows the warning reads it, and only operators see it."""

    def warning() -> str:
        user = getattr(request, "user", None)
        if user is None or not user.is_staff or "css" not in settings.ROLES:
            return ""
        return state_of().warning or over_licence()

    return {"licence_warning": warning}
