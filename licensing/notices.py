"""What every admin page says while the licence is about to end, or is no good."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest

from licensing.queries import state_of


def for_pages(request: HttpRequest) -> dict[str, Callable[[], str]]:
    """A context processor; only a page that shows the warning reads it, and only operators see it."""

    def warning() -> str:
        user = getattr(request, "user", None)
        return state_of().warning if user is not None and user.is_staff else ""

    return {"licence_warning": warning}
