"""The page on which people list, create, begin and delete virtual rooms of their domain, and their own templates.

It consists of plain HTML forms without a script. Each button calls the same functions as the HTTP API.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import Error
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from conferences.api import request_parsing, stored_commands
from conferences.data import stored_rows
from conferences.data.join_links import room_link
from conferences.data.platform_resolver import platform_of_domain
from conferences.pages import my_conferences, texts
from conferences.rules.stored import Draft, Kind, StoredConference
from domains.models import Account
from foundation.cells.directory import store_of
from foundation.web.errors import Refusal
from foundation.web.page_parts import render_page
from wire.conference_settings import ConferenceSettings
from wire.error_codes import Err
from wire.fields import SIZES
from wire.http_codes import http_code

MAX_SHOWN = 100
_KINDS = {"room": Kind.ROOM, "template": Kind.PERSONAL}


@login_required
@require_GET
@never_cache
def show_rooms(request: HttpRequest) -> HttpResponse:
    """Show the virtual rooms of the person's domain, and the person's own templates, at most MAX_SHOWN of each."""
    person = my_conferences.person_of(request)
    if not my_conferences.holds_conferences_here(person):
        return redirect("console")
    database = store_of(platform_of_domain(person.domain_id or "")).database
    rooms = stored_rows.stored_page(
        database, Kind.ROOM, person.domain_id or "", start=0, count=MAX_SHOWN, newest_first=True
    )
    templates = stored_rows.stored_page(
        database, Kind.PERSONAL, person.moid, start=0, count=MAX_SHOWN, newest_first=True
    )
    running_names = stored_commands.names_of_running(rooms.items)
    context = {
        "person": person,
        "sizes": SIZES,
        "durations": my_conferences.durations(),
        "rooms": [
            _room_for_page(room, person, running_names.get(room.e164, "")) for room in rooms.items
        ],
        "rooms_left_out": max(0, rooms.total - MAX_SHOWN),
        "templates": templates.items,
    }
    return render_page(request, "conferences/rooms.html", context)


def _room_for_page(room: StoredConference, person: Account, conf_name: str) -> dict[str, object]:
    """Return what the page shows of a virtual room. `conf_name`: the conference in it, "" for none."""
    return {
        "stored": room,
        "conf_name": conf_name,
        "join": settings.PUBLIC_URL + room_link(room) if room.admits(person.moid) else "",
        "mine": stored_commands.may_write_stored(room, Kind.ROOM, person),
        "by": texts.creator_text("" if room.owner == person.moid else room.owner_name),
    }


# ---- forms ---------------------------------------------------------------------------------------

_TOO_MANY = gettext_lazy("There are too many already. Delete one first.")
_TEXT_OF_REFUSAL = {
    http_code(Err.NOT_PERMITTED): gettext_lazy(
        "Only who made it may do this, or people whom they have allowed."
    ),
    stored_commands.ROOM_IN_USE: gettext_lazy("A conference is held in it. End that first."),
    stored_commands.NO_TEMPLATE_SPACE: _TOO_MANY,
    stored_commands.TOO_MANY_ROOMS: _TOO_MANY,
}
"""Error code -> the text of a refusal that differs here from that on other pages."""

View = Callable[..., HttpResponseRedirect]


def _form_view(view: View) -> Callable[..., HttpResponse]:
    """Decorate a function that handles a form as a view, which shows refusals on the page in words for people."""

    @wraps(view)
    def form_view(request: HttpRequest, **url_values: str) -> HttpResponse:
        """Handle the form, and redirect to the address that the function returns, or back to the page."""
        try:
            return view(request, **url_values)
        except Refusal as refusal:
            # A refusal, or a database that is away, is shown on the page to which this redirects.
            text = _TEXT_OF_REFUSAL.get(refusal.error_code)
            messages.error(request, str(text or texts.refusal_text(refusal)))
        except Error:
            messages.error(request, _("The platform's database is away. Try again in a moment."))
        return redirect("rooms")

    return never_cache(login_required(require_POST(form_view)))


@_form_view
def add_room_or_template(request: HttpRequest, kind: str) -> HttpResponseRedirect:
    # =|A room's conference has no planned end: it ends when the last person leaves.
    """Create a virtual room or a personal template (`kind`) from the fields of the form. Raises Refusal."""
    form, person = request.POST, my_conferences.person_of(request)
    params: dict[str, object] = {
        "name": form.get("name"),
        "max_join_mt": form.get("places"),
        "duration": form.get("duration"),
        "password": form.get("password"),
    }
    fields = request_parsing.given_settings(params)
    if _KINDS[kind] is Kind.ROOM:
        fields |= {"duration": 0, "auto_end": True}
    draft = Draft(
        kind=_KINDS[kind],
        name=fields["name"],
        user_domain=person.domain_id or "",
        settings=ConferenceSettings(**fields),
        owner=person.moid,
        owner_name=str(person)[:64],
        e164=None if _KINDS[kind] is Kind.ROOM else "",
        exclusive=bool(form.get("exclusive")),
    )
    stored = stored_commands.create_stored(draft, person)
    messages.success(request, _("“%(name)s” is there now.") % {"name": stored.name})
    return redirect("rooms")


@_form_view
def begin_conference(request: HttpRequest, kind: str, stored_id: str) -> HttpResponseRedirect:
    """Begin the conference of a virtual room or template, and redirect to its join page."""
    person = my_conferences.person_of(request)
    started = stored_commands.start_from_stored(
        _find_room_or_template(kind, stored_id, person), person
    )
    return redirect("join", started.e164)


@_form_view
def delete_room_or_template(
    request: HttpRequest, kind: str, stored_id: str
) -> HttpResponseRedirect:
    """Delete a virtual room or a template."""
    person = my_conferences.person_of(request)
    stored = _find_room_or_template(kind, stored_id, person)
    stored_commands.delete_stored(stored, person)
    messages.success(request, _("“%(name)s” is deleted.") % {"name": stored.name})
    return redirect("rooms")


def _find_room_or_template(kind: str, stored_id: str, person: Account) -> StoredConference:
    """Return the virtual room or template with this id, if the person may use it.

    Raises Refusal; raises Http404 for another kind.
    """
    if kind not in _KINDS:
        raise Http404
    return stored_commands.find_stored(_KINDS[kind], stored_id, person)
