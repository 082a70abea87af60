"""Define the views of the page on which people hold conferences (the console), and of its script.

They decide nothing: every button sends the same command as the HTTP API, with the session and its CSRF token in
place of an `account_token`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import msgspec
from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import LoginView
from django.db import Error
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from conferences.api import commands, request_parsing, stored_commands
from conferences.data import queries
from conferences.data.join_links import join_link
from conferences.data.lobby import WaitingVisitor, waiting_visitors
from conferences.pages import steering, texts
from conferences.rules.states import Conference
from domains.data.queries import user_domains
from domains.data.tree_source import is_tree_edited_here
from domains.models import Account, UserDomain
from domains.pages.forms import SignInForm
from foundation import clock
from foundation.cells.directory import possible_platforms
from foundation.web.content_security_policy import with_policy
from foundation.web.errors import Refusal
from foundation.web.page_parts import render_page
from wire.arrangement import Arrangement, arrangement_of
from wire.conference_manager import Creator
from wire.fields import SIZES, Settings, Terminal

MAX_SHOWN = 100
DURATIONS_IN_MINUTES = (15, 30, 60, 120, 240, 480, 1440, 0)

JsonView = Callable[..., dict[str, object]]


class SignIn(LoginView):
    """Define the page on which people sign in, with any of their names."""

    template_name = "conferences/sign_in.html"
    authentication_form = SignInForm
    next_page = "home"

    def render_to_response(
        self, context: dict[str, object], **response_kwargs: Any
    ) -> HttpResponse:
        """Return the page with its content security policy."""
        return with_policy(super().render_to_response(context, **response_kwargs))


@login_required
@never_cache
def redirect_home(request: HttpRequest) -> HttpResponseRedirect:
    """Redirect `/`: people of a tenant to their conferences, administrators to the admin pages."""
    person = person_of(request)
    if person.is_staff and _tenant(person) is None:
        return redirect("admin:index")
    return redirect("console")


@login_required
@require_GET
@never_cache
def show_console(request: HttpRequest) -> HttpResponse:
    """Show the page on which people hold conferences; if this site holds none for the person, say where to go.

    A person without a user domain is shown the way to the admin pages, or to the central site.
    """
    person = person_of(request)
    tenant = _tenant(person)
    context: dict[str, object] = {
        "person": person,
        "tenant": tenant,
    }
    if tenant is None:
        context["admin"] = reverse("admin:index") if person.is_staff else ""
        context["core"] = "" if is_tree_edited_here() else settings.CORE_URL
    elif tenant.platform_id not in possible_platforms():
        context["elsewhere"] = tenant.platform
    else:
        context |= _form_choices(tenant)
    return render_page(request, "conferences/console.html", context)


def _form_choices(tenant: UserDomain) -> dict[str, object]:
    """Return the choices of the form that creates a conference, limited to what the user domain may do."""
    facts = user_domains(tenant._state.db or "default", [tenant.moid]).get(tenant.moid)
    return {
        "may": facts,
        "sizes": SIZES,
        "durations": durations(),
        "start": {"at": reverse("console"), "words": texts.script_texts()},
    }


def durations() -> list[tuple[int, str]]:
    """Return the durations of a conference that forms offer, in minutes and in words."""
    return [(minutes, _duration(minutes)) for minutes in DURATIONS_IN_MINUTES]


def _duration(minutes: int) -> str:
    """Return so many minutes in words; 0 means that a conference has no end."""
    if not minutes:
        return _("until I end it")
    if minutes < 60:
        return _("%(n)d minutes") % {"n": minutes}
    return _("1 hour") if minutes == 60 else _("%(n)d hours") % {"n": minutes // 60}


# ---- requests of the page's script ---------------------------------------------------------------


def _json_view(view: JsonView) -> Callable[..., HttpResponse]:
    """Decorate a function that returns a dictionary as a view that answers it as JSON.

    A refusal is answered as `{why}`, in words for people: 401 signed out, 409 refused, 503 no database.
    """

    @wraps(view)
    def json_view(request: HttpRequest, **url_values: str) -> HttpResponse:
        """Answer the dictionary that the view returns, or why the request is refused."""
        if not request.user.is_authenticated:
            return _refused(_("You are signed out. Reload the page and sign in again."), 401)
        try:
            return JsonResponse(view(request, **url_values))
        except Refusal as refusal:
            return _refused(texts.refusal_text(refusal), 409)
        except Error:
            return _refused(_("The platform's database is away. Try again in a moment."), 503)

    return never_cache(json_view)


def _refused(reason: str, status: int) -> HttpResponse:
    """Return the JSON answer that says why a request of the page is refused."""
    return JsonResponse({"why": reason}, status=status)


@require_GET
@_json_view
def live_conferences(request: HttpRequest) -> dict[str, object]:
    """Return the live conferences of the person's user domain, as the page shows them.

    Only the conference with the number in the query parameter `open` has its members.
    """
    person = person_of(request)
    page = queries.live_conferences_of_tenant(person.domain_id or "", person.moid, MAX_SHOWN)
    closed = queries.confids_closed_to(person.moid, page.conferences)
    waiting = _waiting_for(page.conferences)
    open_number = request.GET.get("open", "")
    return {
        "total": page.total,
        "confs": [
            _conference_for_page(
                conference,
                person,
                conference.confid in closed,
                waiting.get(conference.confid, ()),
                with_members=conference.e164 == open_number,
            )
            for conference in page.conferences
        ],
    }


def _waiting_for(conferences: Sequence[Conference]) -> dict[str, Sequence[WaitingVisitor]]:
    """Return who waits in the lobbies of these conferences: id of the conference -> visitors; few have a lobby."""
    confids = defaultdict[str, list[str]](list)
    for conference in conferences:
        if arrangement_of(conference.settings).lobby:
            confids[conference.source_platform].append(conference.confid)
    waiting: dict[str, Sequence[WaitingVisitor]] = {}
    for platform, with_lobby in confids.items():
        waiting |= waiting_visitors(platform, with_lobby)
    return waiting


def _conference_for_page(
    conference: Conference,
    person: Account,
    is_closed: bool,
    waiting: Sequence[WaitingVisitor],
    *,
    with_members: bool,
) -> dict[str, object]:
    """Return what the page shows of a conference, in words for this person.

    `is_closed`: the person may not enter it. `waiting`: who waits in its lobby. `with_members`: also its members.
    """
    join = reverse("join", args=[conference.e164])
    present = sum(1 for terminal in conference.mts if terminal.online)
    arrangement = arrangement_of(conference.settings)
    facts = {
        "number": conference.e164,
        "id": conference.confid,
        "name": conference.name,
        "state": conference.state.value,
        "says": texts.state_text(conference),
        "left": texts.time_left_text(conference, clock.now()),
        "people": texts.people_text(present, conference.places),
        "creator": texts.creator_text(
            "" if conference.creator_moid == person.moid else conference.creator_name
        ),
        "endless": conference.ends_at is None,
        "locked": bool(arrangement.locked),
        "lobby": bool(arrangement.lobby),
        "waiting": [visitor._asdict() for visitor in waiting],
        "join": join,
        "link": settings.PUBLIC_URL
        + (join if is_closed else join_link(conference.confid, conference.e164)),
    }
    if not with_members:
        return facts
    return facts | {"mts": [_member_for_page(terminal, arrangement) for terminal in conference.mts]}


def _member_for_page(terminal: Terminal, arrangement: Arrangement) -> dict[str, str | bool | int]:
    """Return what the page shows of one member of a conference with this arrangement.

    `hand`: the place of the member's hand among those that are up, counted from 1; 0: it is not up.
    """
    mtid, kept_out, hands = terminal.mtid or "", arrangement.banned_names, arrangement.hands
    names = {name.casefold() for name in (terminal.name, terminal.account) if name}
    return {
        "out": not terminal.online and not names.isdisjoint(kept_out),
        "id": mtid,
        "name": terminal.name or terminal.account or "",
        "online": bool(terminal.online),
        "mute": bool(terminal.mute),
        "hand": hands.index(mtid) + 1 if terminal.online and mtid in hands else 0,
    }


@require_POST
@_json_view
def start_conference(request: HttpRequest) -> dict[str, object]:
    """Create a conference that starts at once, from the fields of the form; return its number and whether it runs.

    Raises Refusal.
    """
    form, person = request.POST, person_of(request)
    hd = form.get("resolution") == "1080p"
    command = request_parsing.create_request(
        {
            "name": form.get("name"),
            "max_join_mt": form.get("places"),
            "duration": form.get("duration"),
            "password": form.get("password"),
            # H.264, in 1080p (13) or 720p (12)
            "video_formats": [{"format": 4, "resolution": 13 if hd else 12}],
        },
        person.domain_id or "",
        Creator(moid=person.moid, name=str(person)[:64]),
    )
    if form.get("lobby"):
        command = msgspec.structs.replace(command, settings=Settings(extra={"lobby": 1}))
    started = commands.start_conference(command)
    return {"number": started.e164, "name": command.name, "running": started.running}


@require_POST
@_json_view
def act_on_conference(request: HttpRequest, e164: str, action: str) -> dict[str, object]:
    """Carry out a button of the page (`action`, a key of `steering.ACTIONS`) on one conference of the person's domain.

    Returns {}, as the page needs no answer. Raises Refusal.
    """
    person = person_of(request)
    conference = commands.own_conference(e164, person.domain_id or "")
    # Letting people in is the only button that not everybody of the domain may use.
    if action == "admit":
        stored_commands.refuse_unless_may_admit(conference, person)
    steering.ACTIONS[action](conference, request.POST)
    return {}


def person_of(request: HttpRequest) -> Account:
    """Return the account that is signed in."""
    assert isinstance(request.user, Account)
    return request.user


def holds_conferences_here(person: Account) -> bool:
    """Return whether conferences of the person's user domain run at this site; if not, the console says why."""
    tenant = _tenant(person)
    return tenant is not None and tenant.platform_id in possible_platforms()


def _tenant(person: Account) -> UserDomain | None:
    """Return the person's user domain; `None` if the person belongs to no user domain."""
    return UserDomain.objects.select_related("platform").filter(pk=person.domain_id).first()
