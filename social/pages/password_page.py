"""The pages of people who have forgotten their password: ask for a link, and choose a new password."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from domains.rules.refusal_texts import translated
from domains.rules.tree import RuleBroken
from foundation.web.content_security_policy import with_policy
from social.flows import password_reset


@never_cache
@require_http_methods(["GET", "POST"])
def forgotten(request: HttpRequest) -> HttpResponse:
    """Show the form that asks for a link, and send the link. The answer is the same for every name."""
    is_sent = request.method == "POST"
    if is_sent:
        password_reset.send_link(request.POST.get("name", "")[:254], get_language() or "en")
    reply = render(request, "social/forgotten.html", {"is_sent": is_sent})
    return with_policy(reply)


@never_cache
@require_http_methods(["GET", "POST"])
def choose(request: HttpRequest, text: str) -> HttpResponse:
    """Show the form for a new password, and set it."""
    found = password_reset.account_of(text)
    if found is None:
        context = {
            "title": _("This link is not good any more"),
            "text": _("It was used before, or it is older than an hour. Ask for another one."),
        }
        return with_policy(render(request, "plain_message.html", context, status=404))
    errors: list[str] = []
    if request.method == "POST":
        errors = _set(request, text)
        if not errors:
            messages.success(request, _("The password is changed. Sign in with it."))
            return redirect("login")
    status = 400 if errors else 200
    reply = render(request, "social/new_password.html", {"errors": errors}, status=status)
    return with_policy(reply)


def _set(request: HttpRequest, text: str) -> list[str]:
    """Set the password that a form has; return what is wrong with it, in words."""
    found, password = password_reset.account_of(text), request.POST.get("new", "")
    if found is None:
        return [_("This link is not good any more")]
    if password != request.POST.get("again", ""):
        return [_("the two new passwords differ")]
    try:
        password_reset.reset(*found, password)
    except RuleBroken as broken:
        return [translated(refusal) for refusal in broken.refusals]
    return []
