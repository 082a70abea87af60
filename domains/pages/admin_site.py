"""The admin site is for administrators who have shown their second factor.

After name and password:
first time -> set up the second factor, an authenticator app; recovery codes are shown once
later      -> a code of the app, or a recovery code
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth.views import PasswordChangeView, redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from unfold.sites import UnfoldAdminSite

from domains.data import homes
from domains.data.queries import is_kept_at_core
from domains.pages import second_factor
from domains.pages.forms import OperatorSignInForm, OwnPasswordForm


class OperatorAdminSite(UnfoldAdminSite):  # type: ignore[misc]  # the base class has no types
    """The admin site has all admin pages, for administrators with a second factor."""

    login_form = OperatorSignInForm

    def extra_urls(self) -> list[URLPattern]:
        """Return the address of the page that sets up or asks for the second factor."""
        return [path("second-factor/", self.second_factor, name="second-factor")]

    def has_permission(self, request: HttpRequest) -> bool:
        """Return whether the user is an enabled administrator who has shown the second factor in this session."""
        return self._is_administrator(request) and _has_second_factor(request)

    def _is_administrator(self, request: HttpRequest) -> bool:
        """Return whether the user administers domains of this site's own platform, not of one served in its place."""
        is_administrator = bool(super().has_permission(request))
        return is_administrator and homes.is_of_own_platform(request.user)  # type: ignore[arg-type]  # administrators are accounts

    def login(
        self, request: HttpRequest, extra_context: dict[str, object] | None = None
    ) -> HttpResponse:
        """Ask for name and password, then for the second factor."""
        if self._is_administrator(request) and not _has_second_factor(request):
            query = urlencode({"next": _next_address(request)})
            return HttpResponseRedirect(f"{reverse('admin:second-factor')}?{query}")
        response: HttpResponse = super().login(request, extra_context)
        return response

    def password_change(
        self, request: HttpRequest, extra_context: dict[str, object] | None = None
    ) -> HttpResponse:
        """Show and process the form with which people change their own password. Their other sessions end.

        An account that came from the core (the deployment where accounts of all sites are edited) is redirected there.
        """
        account: Any = request.user
        if is_kept_at_core("default", account.moid):
            return HttpResponseRedirect(f"{settings.CORE_URL}{reverse('admin:password_change')}")
        view = PasswordChangeView.as_view(
            form_class=OwnPasswordForm,
            success_url=reverse("admin:password_change_done"),
            extra_context={**self.each_context(request), **(extra_context or {})},
        )
        response = view(request)
        assert isinstance(response, HttpResponse)
        return response

    def second_factor(self, request: HttpRequest) -> HttpResponse:
        """Show the page on which an administrator sets up the second factor, or enters a code of it."""
        return never_cache(self._second_factor)(request)

    def _second_factor(self, request: HttpRequest) -> HttpResponse:
        """Return the page of the second factor; if it was shown, redirect to the page in the argument `next`."""
        if not self._is_administrator(request):
            return redirect_to_login(_next_address(request), reverse("admin:login"))
        if _has_second_factor(request) and request.method != "POST":
            return HttpResponseRedirect(_next_address(request))
        step = second_factor.take_step(request)
        if step.passed and not step.recovery_codes:
            return HttpResponseRedirect(_next_address(request))
        context = {**self.each_context(request), "step": step, "next": _next_address(request)}
        return TemplateResponse(request, "admin/second_factor.html", context)


def _has_second_factor(request: HttpRequest) -> bool:
    """Return whether the user has shown the second factor in this session, or the settings do not require one."""
    user: Any = request.user
    return not settings.REQUIRE_SECOND_FACTOR or bool(user.is_verified())


def _next_address(request: HttpRequest) -> str:
    """Return the address to go on to: the argument `next` if it is an address of this site, else the index."""
    address = request.POST.get("next") or request.GET.get("next") or ""
    is_safe = url_has_allowed_host_and_scheme(address, {request.get_host()}, request.is_secure())
    return address if is_safe else reverse("admin:index")
