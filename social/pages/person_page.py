"""The page of one person: card, contact, numbers, and the moments that the visitor sees."""

from __future__ import annotations

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect

from im.data import people, queries
from im.data.locked_conversation import Denied
from im.flows import conversations
from im.models import Contact
from im.rules.conversation_decisions import DenyReason
from im.rules.topology import USER
from social.data import finding, label_queries, timeline, viewers
from social.flows import number_exchange
from social.models import NumberExchange
from social.pages import texts
from social.pages.moments_page import before_of, shown_page
from social.pages.visit import Visit, form, page
from social.rules.cards import PICTURE, ShownTo, shows_field


@page
def person(visit: Visit, user: str) -> HttpResponse | HttpResponseRedirect:
    """Show a person's card and moments, as far as the visitor may see them."""
    if user == visit.me.id:
        return redirect("social-profile")
    found = people.people_by_id(visit.store, [user]).get(user) if USER.fullmatch(user) else None
    if found is None:
        raise Denied(DenyReason.NOT_FOUND)
    close = viewers.closeness(visit.store, visit.me, [found])[user]
    near = close.is_contact or close.shares_circle
    relation = queries.states_between(visit.database, visit.me.id, [user])[user][0]
    if not near and not relation and user not in finding.findable(visit.store, visit.me, [found]):
        raise Denied(DenyReason.NOT_FOUND)
    rows = viewers.card_fields(visit.database, [user])[user]
    fields = {
        row.name: row.value for row in rows if shows_field(row.name, ShownTo(row.shown_to), close)
    }
    contact = Contact.objects.using(visit.database).filter(owner=visit.me.id, other=user).first()
    own = label_queries.labels_of(visit.database, visit.me.id)
    having = label_queries.people_by_label(visit.database, [label.id for label in own])
    exchange = NumberExchange.objects.using(visit.database).filter(owner=visit.me.id, other=user)
    moments = timeline.of_person(visit.database, visit.me.id, user, before_of(visit), 20)
    return visit.page(
        "social/person.html",
        {
            "they": {"id": user, "name": (contact.name if contact else "") or found.name},
            "real_name": found.name,
            "picture": fields.pop(PICTURE, ""),
            "fields": [(texts.card_fields()[name], value) for name, value in fields.items()],
            "relation": relation,
            "is_blocked": close.is_blocked,
            "near": near,
            "contact": contact,
            "labels": [(label, user in having[label.id]) for label in own],
            "exchange": exchange.values_list("state", flat=True).first() or "",
            "page": shown_page(visit, moments),
        },
    )


@form
def exchange_numbers(visit: Visit, user: str) -> str:
    """Ask for an exchange of numbers, agree to it, or end it."""
    if not USER.fullmatch(user):
        raise Denied(DenyReason.NOT_FOUND)
    match visit.request.POST.get("do"):
        case "ask":
            number_exchange.ask(visit.store, visit.me, user, visit.now)
        case "agree":
            number_exchange.agree(visit.store, visit.me, user, visit.now)
        case _:
            number_exchange.revoke(visit.store, visit.me, user, visit.now)
    return f"/people/{user}/"


@form
def write(visit: Visit, user: str) -> str:
    """Open the conversation with a person, and go there."""
    number = conversations.open_direct(visit.store, visit.me, user)
    return f"/chat/#c={number}"
