"""Define the page of an invitation's link: people with an account accept there, everybody else registers."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_http_methods

from domains.models import Account
from domains.rules.refusal_texts import translated
from domains.rules.tree import RuleBroken
from foundation import clock
from foundation.cells.directory import PlatformStore
from foundation.web.content_security_policy import with_policy
from im.data import people
from im.data.locked_conversation import Denied
from im.data.people import Person
from social.flows import invitations

BACKEND = "domains.flows.sign_in.SignInNameBackend"


@never_cache
@csrf_protect
@require_http_methods(["GET", "POST"])
def invited(request: HttpRequest, code: str) -> HttpResponse:
    """Show the page of an invitation, or handle its form by which the guest accepts or registers."""
    invitation = invitations.find_unused_invitation(code, clock.now())
    if invitation is None:
        context = {
            "title": _("This link is not good any more"),
            "text": _("It was used before, or it is older than 7 days. Ask for another one."),
        }
        return with_policy(render(request, "plain_message.html", context, status=404))
    store, inviter = invitation
    if request.method == "POST":
        return _accept(request, store, inviter, code)
    return _page(request, inviter, [])


def _page(
    request: HttpRequest, inviter: Person, errors: list[str], status: int = 200
) -> HttpResponse:
    """Return the page with the form by which a guest accepts an invitation of `inviter`, and these errors."""
    context = {"inviter": inviter.name, "errors": errors, "filled": request.POST}
    return with_policy(render(request, "social/invited.html", context, status=status))


def _accept(request: HttpRequest, store: PlatformStore, inviter: Person, code: str) -> HttpResponse:
    """Accept an invitation for the signed-in person, or register a guest; then show the inviting person's page.

    If the link or the guest's data is refused, the page is shown again with the reasons.
    """
    try:
        if isinstance(request.user, Account):
            me = people.person_of_account(request.user)
            invitations.accept_invitation(store, me, code, clock.now())
        else:
            _register(request, store, code)
    except RuleBroken as broken:
        return _page(request, inviter, [translated(refusal) for refusal in broken.refusals], 400)
    except Denied:
        return _page(request, inviter, [_("This link is not for you, or not good any more.")], 400)
    messages.success(request, _("You and %(name)s are contacts now.") % {"name": inviter.name})
    return redirect("social-person", user=inviter.id)


def _register(request: HttpRequest, store: PlatformStore, code: str) -> None:
    """Create a guest's account by an invitation, with what the form says, and sign the guest in."""
    name = request.POST.get("name", "").strip()[:64]
    username = request.POST.get("username", "").strip()
    password = request.POST.get("password", "")
    account = invitations.register_guest(store, code, name, username, password, clock.now())
    login(request, account, backend=BACKEND)
