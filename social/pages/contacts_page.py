"""Define the page of contacts: the list with labels, requests, the directory, suggestions and invitations."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from im.data import people, queries
from im.data.locked_conversation import Denied
from im.data.people import Person
from im.flows import contacts as contact_flow
from im.flows import presence
from im.models import Contact
from im.rules.conversation_decisions import (
    ASKED,
    ASKING,
    BLOCKED,
    FRIEND,
    ContactAction,
    DenyReason,
)
from im.rules.topology import USER
from social.data import finding, label_queries, matches
from social.flows import invitations, labels
from social.pages.visit import Visit, check_rate, form, page, refusal_text
from social.rules import numbers

MOST_SHOWN = 2000
CONTACTS = "/people/"


@page
def contacts(visit: Visit) -> HttpResponse:
    """Show the person's contacts, and the results of a search for people."""
    rows = queries.contacts(visit.database, visit.me.id, 0, MOST_SHOWN)
    persons = people.people_by_id(visit.store, [row.other for row in rows])
    friends = [row.other for row in rows if row.state == FRIEND]
    states = presence.visible_presence(visit.database, visit.me.id, friends, visit.now)
    own = label_queries.labels_of(visit.database, visit.me.id)
    users = label_queries.people_by_label(visit.database, [label.id for label in own])
    chosen = visit.request.GET.get("label", "")

    def template_values(row: Contact) -> dict[str, object]:
        """Return a contact's values for the template."""
        state = states.get(row.other)
        return {
            "id": row.other,
            "name": row.name or (persons[row.other].name if row.other in persons else row.other),
            "note": row.note,
            "presence": state.value if state else "",
            "labels": [label for label in own if row.other in users[label.id]],
        }

    by_state = {
        state: sorted((template_values(row) for row in rows if row.state == state), key=_name_of)
        for state in (FRIEND, ASKED, ASKING, BLOCKED)
    }
    if chosen.isdecimal() and int(chosen) in users:
        with_label = users[int(chosen)]
        by_state[FRIEND] = [friend for friend in by_state[FRIEND] if friend["id"] in with_label]
    return visit.page(
        "social/contacts.html",
        {"contacts": by_state, "labels": own, "chosen": chosen, **_search_results(visit)},
    )


def _name_of(contact: dict[str, object]) -> str:
    """Return the name by which a contact is sorted, in small letters."""
    return str(contact["name"]).lower()


def _search_results(visit: Visit) -> dict[str, object]:
    """Return the people whom a search finds, for the template; without a search those whom the person may know."""
    text = visit.request.GET.get("q", "").strip()[:64]
    if not text:
        return {
            "q": "",
            "suggestions": finding.suggestions(visit.store, visit.me, 10),
            "matches": matches.known_people(visit.store, visit.me),
        }
    persons: list[Person] = []
    try:
        check_rate(visit.request)
        persons = finding.search_directory(visit.store, visit.me, text, 20)
    except Denied as denied:
        messages.error(visit.request, refusal_text(denied))
        return {"q": text, "found": persons}
    if not persons:
        try:
            # A person of another tenant is found only by the exact sign-in name.
            persons = [contact_flow.find_person(visit.store, visit.me, text)]
        except Denied:
            # Nobody has this name, or is to be found by it: both are shown alike.
            persons = []
    return {"q": text, "found": persons}


@form
def change_relation(visit: Visit, user: str) -> str:
    """Ask another person to become a contact, or accept, remove, block or unblock that person.

    Return the address to go to. Raises Denied.
    """
    actions = {
        "ask": ContactAction.ASK,
        "accept": ContactAction.ACCEPT,
        "remove": ContactAction.REMOVE,
        "block": ContactAction.BLOCK,
    }
    action = actions.get(visit.request.POST.get("do", ""))
    if action is None or not USER.fullmatch(user):
        raise Denied(DenyReason.NOT_FOUND)
    contact_flow.change_contact(visit.store, visit.me, user, action, visit.now)
    return f"{CONTACTS}{user}/" if visit.request.POST.get("stay") else CONTACTS


@form
def save_details(visit: Visit, user: str) -> str:
    """Save the name, the note and the labels that the person gives a contact; return the address to go to.

    Raises Denied.
    """
    if not USER.fullmatch(user):
        raise Denied(DenyReason.NOT_FOUND)
    contact_flow.set_name(visit.store, visit.me, user, visit.field("name", 64))
    contact_flow.set_note(visit.store, visit.me, user, visit.field("note", 2000, lines=True))
    labels.set_labels(visit.store, visit.me, user, visit.numbers("labels"))
    return f"{CONTACTS}{user}/"


@form
def add_label(visit: Visit) -> str:
    """Create a label for contacts, with the name in the form; return the address to go to. Raises Denied."""
    name = visit.field("name", 64)
    if not name:
        raise Denied(DenyReason.MALFORMED, _("Name"))
    labels.create_label(visit.store, visit.me, name)
    return CONTACTS


@form
def change_label(visit: Visit, number: int) -> str:
    """Delete a label, or change whether contacts with it see that the person is online; return the address to go to."""
    if visit.request.POST.get("do") == "delete":
        labels.delete_label(visit.store, visit.me, number)
    else:
        shows = visit.request.POST.get("shows_presence") == "1"
        labels.change_label(visit.store, visit.me, number, None, shows)
    return CONTACTS


@form
def invite(visit: Visit) -> str:
    """Create an invitation and show its link once; send it if the form has a number or an e-mail address.

    Returns the address to go to. Raises Denied.
    """
    to = visit.field("to", 254)
    if to and "@" not in to and not (to := numbers.parse(to)):
        raise Denied(DenyReason.MALFORMED, _("give a number with + and the country, or an e-mail"))
    _code, link = invitations.create_invitation(visit.store, visit.me, None, visit.now)
    if to:
        invitations.send_invitation(visit.store, visit.me, to, link, get_language() or "en")
    text = _("Give this link to one person; it is good for 7 days: %(link)s")
    messages.success(visit.request, text % {"link": link})
    return CONTACTS
