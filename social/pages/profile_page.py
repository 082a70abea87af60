"""Define the page of a person's own profile: name, card, privacy, number and password."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.http import HttpResponse
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from domains.data.queries import is_kept_at_core
from domains.flows import people as accounts
from domains.models import Account
from domains.rules.refusal_texts import translated
from domains.rules.tree import RuleBroken
from im.data.locked_conversation import Denied
from im.rules.conversation_decisions import DenyReason
from social.data import profiles, viewers
from social.flows import address_book, cards
from social.models import ConfirmedNumber
from social.pages import texts
from social.pages.visit import Visit, form, page, store_files
from social.rules.cards import FIELDS, PHONE, PICTURE, FoundBy, Matching, ShownTo, default_shown_to

PROFILE = "/people/me/"


@page
def profile(visit: Visit) -> HttpResponse:
    """Show the person's own profile: card, privacy choices, telephone number and password."""
    account = _account(visit)
    rows = {
        row.name: row for row in viewers.card_fields(visit.database, [visit.me.id])[visit.me.id]
    }
    names = texts.card_fields()
    numbers = ConfirmedNumber.objects.using(visit.database).filter(user=visit.me.id)
    return visit.page(
        "social/profile.html",
        {
            "account": account,
            "at_core": is_kept_at_core(visit.database, visit.me.id),
            "picture": rows[PICTURE].value if PICTURE in rows else "",
            "fields": [
                {
                    "name": name,
                    "title": names[name],
                    "value": rows[name].value if name in rows else "",
                    "shown_to": rows[name].shown_to if name in rows else default_shown_to(name),
                    "most": most,
                }
                for name, most in FIELDS.items()
            ],
            "shown_to": texts.shown_to(),
            "found_by": texts.found_by(),
            "matching": texts.matching(),
            "choices": profiles.profiles(visit.database, [visit.me.id])[visit.me.id],
            "is_confirmed": numbers.exists(),
        },
    )


def _account(visit: Visit) -> Account:
    """Return the account of the visitor."""
    return Account.objects.using(visit.database).get(moid=visit.me.id)


@form
def save_card(visit: Visit) -> str:
    """Save the fields of the person's card, and the people to whom each is shown; return the address to go to."""
    fields: dict[str, tuple[str | None, ShownTo | None]] = {}
    for name, most in FIELDS.items():
        shown_to = visit.choice(f"shown_{name}", ShownTo)
        value = None if name == PICTURE else visit.field(name, most, lines=True)
        fields[name] = (value, shown_to)
    if files := visit.request.FILES.getlist("picture"):
        fields[PICTURE] = (str(store_files(visit, files[:1])[0]), fields[PICTURE][1])
    elif visit.request.POST.get("no_picture"):
        fields[PICTURE] = ("", None)
    cards.save_fields(visit.store, visit.me, fields)
    messages.success(visit.request, _("Your card is saved."))
    return PROFILE


@form
def save_privacy(visit: Visit) -> str:
    """Save who finds the person in the directory, by the number, and among suggestions; return the address to go to."""
    wanted: dict[str, object] = {"suggested": visit.request.POST.get("suggested") == "1"}
    if found_by := visit.choice("found_by", FoundBy):
        wanted["found_by"] = found_by
    if matching := visit.choice("matching", Matching):
        wanted["matching"] = matching
    cards.save_privacy(visit.store, visit.me, wanted)
    messages.success(visit.request, _("Your choices are saved."))
    return PROFILE


@form
def save_name(visit: Visit) -> str:
    """Change the name of the person's account to that in the form; return the address to go to."""
    account = _account(visit)
    account.first_name, account.last_name = (
        visit.field("first_name", 64),
        visit.field("last_name", 64),
    )
    _change_account(
        visit,
        lambda: accounts.save_account(account, visit.database, changed=("first_name", "last_name")),
    )
    return PROFILE


@form
def change_password(visit: Visit) -> str:
    """Change the password, if the form contains the old one; return the address to go to.

    All other sessions and tokens of the person end. Raises Denied if the old one is wrong, or the two new ones differ.
    """
    account, new = _account(visit), visit.request.POST.get("new", "")
    if not account.check_password(visit.request.POST.get("old", "")):
        raise Denied(DenyReason.MALFORMED, _("the old password is wrong"))
    if new != visit.request.POST.get("again", ""):
        raise Denied(DenyReason.MALFORMED, _("the two new passwords differ"))
    if _change_account(visit, lambda: accounts.set_password(visit.me.id, new, visit.database)):
        update_session_auth_hash(visit.request, _account(visit))
        messages.success(
            visit.request, _("The password is changed. You are signed out everywhere else.")
        )
    return PROFILE


def _change_account(visit: Visit, change: Callable[[], object]) -> bool:
    """Call `change`, which saves the account; if the rules refuse it, show why and return False."""
    try:
        change()
    except RuleBroken as broken:
        for refusal in broken.refusals:
            messages.error(visit.request, translated(refusal))
        return False
    return True


@form
def save_number(visit: Visit) -> str:
    """Send a code to the person's telephone number, or confirm the number by the code."""
    text, language = visit.field("number", 40), get_language() or "en"
    if code := visit.field("code", 6):
        address_book.confirm_number(visit.store, visit.me, text, "", code, visit.now)
        messages.success(visit.request, _("Your number is confirmed."))
    else:
        address_book.send_code(visit.store, visit.me, text, "", language, visit.now)
        messages.success(
            visit.request, _("A code was sent to this number. It is good for 10 minutes.")
        )
    return f"{PROFILE}#{PHONE}"
