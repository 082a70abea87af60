"""The admin site is for administrators who have shown their second factor.

password -> first time: set up the second factor; recovery codes are shown once
         -> later: a code of the app, or a recovery code
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

from domains.data.queries import is_kept_at_core
from domains.pages import second_factor
from domains.pages.forms import OperatorSignInForm, OwnPasswordForm


class OperatorAdminSite(UnfoldAdminSite):  # type: ignore[misc]  # the base class has no types
    """The admin site with all admin pages."""

    login_form = OperatorSignInForm

    def extra_urls(self) -> list[URLPattern]:
        """Return the page of the second factor."""
        return [path("second-factor/", self.second_factor, name="second-factor")]

    def has_permission(self, request: HttpRequest) -> bool:
        """Return whether the user is an enabled administrator with a second factor."""
        return self._administrator(request) and _has_second_factor(request)

    def _administrator(self, request: HttpRequest) -> bool:
        return bool(super().has_permission(request))

    def login(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Ask for name and password, then for the second factor."""
        if self._administrator(request) and not _has_second_factor(request):
            query = urlencode({"next": _next(request)})
            return HttpResponseRedirect(f"{reverse('admin:second-factor')}?{query}")
        response: HttpResponse = super().login(request, extra_context)
        return response

    def password_change(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Change the own password by the flow. This session goes on, all others end.

        A password that is kept at the core is changed there.
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
        """Let the administrator set up or show the second factor."""
        return never_cache(self._second_factor)(request)

    def _second_factor(self, request: HttpRequest) -> HttpResponse:
        if not self._administrator(request):
            return redirect_to_login(_next(request), reverse("admin:login"))
        if _has_second_factor(request) and request.method != "POST":
            return HttpResponseRedirect(_next(request))
        step = second_factor.take_step(request)
        if step.passed and not step.recovery_codes:
            return HttpResponseRedirect(_next(request))
        context = {**self.each_context(request), "step": step, "next": _next(request)}
        return TemplateResponse(request, "admin/second_factor.html", context)


def _has_second_factor(request: HttpRequest) -> bool:
    user: Any = request.user
    return not settings.REQUIRE_SECOND_FACTOR or bool(user.is_verified())


def _next(request: HttpRequest) -> str:
    """Return the page to go on to, which is a page of this site."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    safe = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, request.is_secure())
    return wanted if safe else reverse("admin:index")
