"""The admin site: for administrators who have shown their second factor.

password -> first time: set it up, recovery codes are shown once
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


class OperatorSite(UnfoldAdminSite):  # type: ignore[misc]
    """All admin pages."""

    login_form = OperatorSignInForm

    def extra_urls(self) -> list[URLPattern]:
        """The page of the second factor."""
        return [path("second-factor/", self.second_factor, name="second-factor")]

    def has_permission(self, request: HttpRequest) -> bool:
        """An enabled administrator, and surely the one."""
        return self._administrator(request) and _passed(request)

    def _administrator(self, request: HttpRequest) -> bool:
        return bool(super().has_permission(request))

    def login(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Name and password first, then the second factor."""
        if self._administrator(request) and not _passed(request):
            query = urlencode({"next": _next(request)})
            return HttpResponseRedirect(f"{reverse('admin:second-factor')}?{query}")
        answer: HttpResponse = super().login(request, extra_context)
        return answer

    def password_change(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """The own password, by the flow; this session goes on, all others end."""
        account: Any = request.user
        if is_kept_at_core("default", account.moid):
            return HttpResponseRedirect(f"{settings.CORE_URL}{reverse('admin:password_change')}")
        view = PasswordChangeView.as_view(
            form_class=OwnPasswordForm,
            success_url=reverse("admin:password_change_done"),
            extra_context={**self.each_context(request), **(extra_context or {})},
        )
        answer = view(request)
        assert isinstance(answer, HttpResponse)
        return answer

    def second_factor(self, request: HttpRequest) -> HttpResponse:
        """Set it up, or show it."""
        return never_cache(self._second_factor)(request)

    def _second_factor(self, request: HttpRequest) -> HttpResponse:
        if not self._administrator(request):
            return redirect_to_login(_next(request), reverse("admin:login"))
        if _passed(request) and request.method != "POST":
            return HttpResponseRedirect(_next(request))
        asked = second_factor.ask(request)
        if asked.passed and not asked.recovery_codes:
            return HttpResponseRedirect(_next(request))
        context = {**self.each_context(request), "asked": asked, "next": _next(request)}
        return TemplateResponse(request, "admin/second_factor.html", context)


def _passed(request: HttpRequest) -> bool:
    user: Any = request.user
    return not settings.REQUIRE_SECOND_FACTOR or bool(user.is_verified())


def _next(request: HttpRequest) -> str:
    """Where to go on to: a page of this site."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    safe = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, request.is_secure())
    return wanted if safe else reverse("admin:index")
