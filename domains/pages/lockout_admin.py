"""Define the admin page of lockouts, by which operators see and delete wrong tries to sign in.

The pages that other libraries register, for instance for tables of tokens, are removed.
"""

from __future__ import annotations

from importlib import import_module

from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice
from oauth2_provider import models as oauth2

from foundation.web.admin_base import ReadOnlyAdmin

_MODELS_WITHOUT_PAGE = (
    AccessAttempt,
    AccessFailureLog,
    AccessLog,
    StaticDevice,
    TOTPDevice,
    oauth2.get_access_token_model(),
    oauth2.get_grant_model(),
    oauth2.get_id_token_model(),
    oauth2.get_refresh_token_model(),
)
"""Models whose libraries register admin pages that show rows of all domains to every administrator."""

for _library in (
    "axes",
    "django_otp.plugins.otp_static",
    "django_otp.plugins.otp_totp",
    "oauth2_provider",
):
    import_module(
        f"{_library}.admin"
    )  # Otherwise it could register its pages later, and they would stay.
for _model in _MODELS_WITHOUT_PAGE:
    if admin.site.is_registered(_model):
        admin.site.unregister(_model)


@admin.register(AccessAttempt)
class LockoutAdmin(ReadOnlyAdmin[AccessAttempt]):
    """The page shows wrong tries to sign in, for each user name and IP address.

    It is for superusers, because a name that was tried may belong to no account, and so to no domain.
    """

    empty_words = _("Nobody has typed a wrong password of late.")
    list_display = ["username", "ip_address", "failures_since_start", "attempt_time", "path_info"]
    search_fields = ["^username", "=ip_address"]
    search_help_text = _("beginning of the name that was tried, or the address")
    ordering = ["-attempt_time"]
    actions = ["unlock"]
    fields = [
        ("username", "ip_address"),
        ("failures_since_start", "attempt_time"),
        "path_info",
        "user_agent",
    ]

    @admin.action(description=_("Forget the wrong tries"), permissions=["operate"])
    def unlock(
        self, request: HttpRequest, queryset: QuerySet[AccessAttempt]
    ) -> HttpResponse | None:
        """Ask the operator to confirm, and then delete wrong tries, so that the person may try again.

        Returns the page that asks; `None` once it is done.
        """
        chosen = self.chosen(queryset)
        warning = _("Whoever was locked out by them may try again at once.")
        page = self.confirm(request, chosen, "unlock", _("Forget these wrong tries?"), warning)
        if page is None:
            self.carry_out(request, chosen, _("Wrong tries forgotten"), _delete_try)
        return page


def _delete_try(row: AccessAttempt) -> bool:
    """Delete the counted wrong sign-ins of a row; return False if they were deleted already."""
    return bool(AccessAttempt.objects.filter(pk=row.pk).delete()[0])
