"""Define the page of one person: card, contact, numbers, and the posts (moments) that the visitor sees."""

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
from social.pages.moments_page import page_start, shown_page
from social.pages.visit import Visit, form, page
from social.rules.cards import PICTURE, ShownTo, shows_field


@page
def person(visit: Visit, user: str) -> HttpResponse | HttpResponseRedirect:
    """Show those parts of a person's card and those posts (moments) that the visitor may see.

    The visitor's own page is the profile. Raises Denied for somebody whom the visitor may not find.
    """
    if user == visit.me.id:
        return redirect("social-profile")
    persons = people.people_by_id(visit.store, [user]) if USER.fullmatch(user) else {}
    shown = persons.get(user)
    if shown is None:
        raise Denied(DenyReason.NOT_FOUND)
    closeness = viewers.closeness(visit.store, visit.me, [shown])[user]
    is_near = closeness.is_contact or closeness.shares_circle
    relation = queries.states_between(visit.database, visit.me.id, [user])[user][0]
    findable = finding.findable(visit.store, visit.me, [shown])
    if not is_near and not relation and user not in findable:
        raise Denied(DenyReason.NOT_FOUND)
    rows = viewers.card_fields(visit.database, [user])[user]
    fields = {
        row.name: row.value
        for row in rows
        if shows_field(row.name, ShownTo(row.shown_to), closeness)
    }
    contact = Contact.objects.using(visit.database).filter(owner=visit.me.id, other=user).first()
    own = label_queries.labels_of(visit.database, visit.me.id)
    people_by_label = label_queries.people_by_label(visit.database, [label.id for label in own])
    exchange = NumberExchange.objects.using(visit.database).filter(owner=visit.me.id, other=user)
    moments = timeline.moments_of_person(visit.database, visit.me.id, user, page_start(visit), 20)
    return visit.page(
        "social/person.html",
        {
            "they": {"id": user, "name": (contact.name if contact else "") or shown.name},
            "real_name": shown.name,
            "picture": fields.pop(PICTURE, ""),
            "fields": [(texts.card_fields()[name], value) for name, value in fields.items()],
            "relation": relation,
            "is_blocked": closeness.is_blocked,
            "near": is_near,
            "contact": contact,
            "labels": [(label, user in people_by_label[label.id]) for label in own],
            "exchange": exchange.values_list("state", flat=True).first() or "",
            "page": shown_page(visit, moments),
        },
    )


@form
def exchange_numbers(visit: Visit, user: str) -> str:
    """Ask another person to exchange numbers, agree to a request, or end the exchange; return the address to go to.

    Raises Denied.
    """
    if not USER.fullmatch(user):
        raise Denied(DenyReason.NOT_FOUND)
    match visit.request.POST.get("do"):
        case "ask":
            number_exchange.ask_for_exchange(visit.store, visit.me, user, visit.now)
        case "agree":
            number_exchange.agree_to_exchange(visit.store, visit.me, user, visit.now)
        case _:
            number_exchange.end_exchange(visit.store, visit.me, user, visit.now)
    return f"/people/{user}/"


@form
def open_chat(visit: Visit, user: str) -> str:
    """Open the conversation with a person, and return the address of its chat page."""
    number = conversations.open_direct(visit.store, visit.me, user)
    return f"/chat/#c={number}"
