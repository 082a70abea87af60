"""Define the pages of people who have forgotten their password: ask for a link, and choose a new password."""

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
    """Show the form for a sign-in name, or send a link to its e-mail address. The answer is the same for every name."""
    is_sent = request.method == "POST"
    if is_sent:
        password_reset.send_reset_link(request.POST.get("name", "")[:254], get_language() or "en")
    reply = render(request, "social/forgotten.html", {"is_sent": is_sent})
    return with_policy(reply)


@never_cache
@require_http_methods(["GET", "POST"])
def choose_password(request: HttpRequest, text: str) -> HttpResponse:
    """Show the form for a new password, or set the password. `text`: the token in the link that was sent."""
    if password_reset.account_of_link(text) is None:
        context = {
            "title": _("This link is not good any more"),
            "text": _("It was used before, or it is older than an hour. Ask for another one."),
        }
        return with_policy(render(request, "plain_message.html", context, status=404))
    errors: list[str] = []
    if request.method == "POST":
        errors = _set_password(request, text)
        if not errors:
            messages.success(request, _("The password is changed. Sign in with it."))
            return redirect("login")
    status = 400 if errors else 200
    reply = render(request, "social/new_password.html", {"errors": errors}, status=status)
    return with_policy(reply)


def _set_password(request: HttpRequest, token: str) -> list[str]:
    """Set the password that a form contains; return sentences about what is wrong with it, [] if it was set."""
    target, password = password_reset.account_of_link(token), request.POST.get("new", "")
    if target is None:
        return [_("This link is not good any more")]
    if password != request.POST.get("again", ""):
        return [_("the two new passwords differ")]
    try:
        password_reset.set_new_password(*target, password)
    except RuleBroken as broken:
        return [translated(refusal) for refusal in broken.refusals]
    return []
