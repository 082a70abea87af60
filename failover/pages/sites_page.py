"""The live page of sites shows operators which site serves which platform, why, and offers actions.

It is for superusers and administrators of the core domain (`domains/rules/rights.py`). An action is confirmed
first, done by `operator_requests` or `rooms`, and leaves a line in the audit trail.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from domains.models import MachineRoom, PlatformDomain
from failover.data import register_view
from failover.flows import operator_requests, rooms, status
from failover.rules.cell_facts import Mode
from foundation.cells.directory import own_platform
from foundation.web import audit

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

VIEW, OPERATE = "failover.view_register", "failover.operate_register"


@dataclass(frozen=True, slots=True)
class Action:
    """Represent a button of the page of sites: its title, a warning to confirm, and the function that carries it out.

    `do` gets the MOID of the platform or machine room (`of` says which) and the operator's name.
    """

    title: StrOrPromise
    warning: StrOrPromise
    do: Callable[[str, str], object]
    of: type[Model] = PlatformDomain


def _room_mode_setter(mode: str) -> Callable[[str, str], object]:
    """Return the function `(room, operator)` that sets this recovery mode of a machine room."""
    return lambda room, by: rooms.set_mode(own_platform(), room, mode, by)


def _mode_setter(mode: Mode) -> Callable[[str, str], object]:
    """Return the function `(platform, operator)` that sets this recovery mode of a platform."""
    return lambda platform, by: operator_requests.set_mode(platform, by, mode)


_ROOM = MachineRoom
ACTIONS = {
    "takeover": Action(
        gettext_lazy("Take over now"),
        gettext_lazy(
            "The backup serves this platform from now on, and restores its conferences there."
        ),
        operator_requests.takeover,
    ),
    "move": Action(
        gettext_lazy("Move to the backup, though it is healthy"),
        gettext_lazy(
            "For maintenance. Its conferences are restored there. In mode automatic it goes back by itself."
        ),
        lambda platform, by: operator_requests.takeover(platform, by, anyway=True),
    ),
    "force": Action(
        gettext_lazy("Take over, even if writes may be lost"),
        gettext_lazy(
            "What its own site acknowledged last may be missing; it is listed when it returns."
        ),
        lambda platform, by: operator_requests.takeover(platform, by, anyway=True, force=True),
    ),
    "handback": Action(
        gettext_lazy("Hand back now"),
        gettext_lazy("Its own site serves it again; conferences stay where they run."),
        operator_requests.handback,
    ),
    "fence": Action(
        gettext_lazy("Fence"),
        gettext_lazy(
            "The database of the site that serves it is killed, and stays down until the other site has"
            " taken over with all that was acknowledged. For a site that does harm and hands over nothing."
        ),
        operator_requests.fence,
    ),
    "withdraw": Action(
        gettext_lazy("Withdraw"),
        gettext_lazy("What was asked for and has not been done yet is not to be done."),
        operator_requests.withdraw,
    ),
    "auto": Action(
        gettext_lazy("Mode automatic"),
        gettext_lazy(
            "A lost site is taken over by itself, and gets its platform back when it is well."
        ),
        _mode_setter(Mode.AUTO),
    ),
    "manual": Action(
        gettext_lazy("Mode manual, on"),
        gettext_lazy("The backup serves it until the mode is another one."),
        _mode_setter(Mode.MANUAL),
    ),
    "off": Action(
        gettext_lazy("Mode off"),
        gettext_lazy("Nobody takes it over by itself."),
        _mode_setter(Mode.OFF),
    ),
    "room-auto": Action(
        gettext_lazy("Watch it"),
        gettext_lazy("Its media units say how it is."),
        _room_mode_setter("auto"),
        _ROOM,
    ),
    "room-on": Action(
        gettext_lazy("Drain room"),
        gettext_lazy("It is abnormal until you say otherwise: conferences leave it."),
        _room_mode_setter("on"),
        _ROOM,
    ),
    "room-off": Action(
        gettext_lazy("Never abnormal"),
        gettext_lazy("It stays normal, whatever its media units do."),
        _room_mode_setter("off"),
        _ROOM,
    ),
}
OF_ROOMS = [name for name, action in ACTIONS.items() if action.of is MachineRoom]
MODES = {"auto": "auto", "manual": "manual", "off": "off"}
"""Recovery mode in the register -> name of the action that sets it."""

WORDS = {
    "normal": gettext_lazy("normal"),
    "abnormal": gettext_lazy("served elsewhere"),
    "auto": gettext_lazy("automatic"),
    "manual": gettext_lazy("manual"),
    "off": gettext_lazy("off"),
    "on": gettext_lazy("drained"),
    "owner": gettext_lazy("serves it"),
    "copy": gettext_lazy("copy"),
    "silent": gettext_lazy("silent"),
}
"""The words of states, modes and roles; a word that is not here is shown as it is."""


def page(request: HttpRequest) -> HttpResponse:
    """Return the page that shows which site serves which platform; its script loads the view `live` every 2 s."""
    return _status_response(request, "failover/sites.html")


def live(request: HttpRequest) -> HttpResponse:
    """Return the changing parts of the page of sites as HTML, which the page's script puts in place."""
    return _status_response(request, "failover/live.html")


def _status_response(request: HttpRequest, template: str) -> HttpResponse:
    """Return the status of all sites, shown by a template, with the buttons that make sense now."""
    _require_permission(request, VIEW)
    facts: dict[str, Any] = dict(status.read_status())
    for cell in facts["cells"]:
        _add_translations(cell, "state", "mode")
        for copy in cell["copies"]:
            _add_translations(copy, "role")
        cell["serving"] = [_button(name, cell) for name in _serving_actions(cell)]
        cell["modes"] = [_button(name, cell) for name in MODES.values()]
        cell["emergency"] = [_button(name, cell) for name in ("force", "fence")]
    for room in facts["rooms"]:
        _add_translations(room, "mode")
    context = {
        **(admin.site.each_context(request) if template.endswith("sites.html") else {}),
        "title": _("Sites"),
        "facts": facts,
        "may": request.user.has_perm(OPERATE),
        "of_rooms": [(name, ACTIONS[name]) for name in OF_ROOMS],
    }
    return TemplateResponse(request, template, context)


def _add_translations(facts: dict[str, object], *fields: str) -> None:
    """Add to `facts`, for each of these fields, its value in the reader's language, as `<field>_name`."""
    for field in fields:
        facts[f"{field}_name"] = WORDS.get(str(facts[field]), facts[field])


def _serving_actions(cell: Mapping[str, object]) -> list[str]:
    """Return the names of the actions that can now change which site serves a platform (`cell`: its status)."""
    actions = ["takeover", "move"] if cell["owner"] == cell["home"] else ["handback"]
    return [*actions, "withdraw"] if cell["wish"] else actions


def _button(name: str, cell: Mapping[str, object]) -> dict[str, object]:
    """Return the button of an action for a platform (`cell`: its status).

    `holds`: the platform has the recovery mode that the button sets.
    """
    action = ACTIONS[name]
    holds = MODES.get(str(cell["mode"])) == name
    return {"name": name, "title": action.title, "warning": action.warning, "holds": holds}


def act(request: HttpRequest) -> HttpResponse:
    """Carry out the button that an operator has pressed on the page of sites, or ask the operator to confirm it first.

    POST fields: `action`, `thing` (primary key of a platform or machine room), and `confirmed` ("1"). Raises Http404
    for an unknown one.
    """
    _require_permission(request, OPERATE)
    action = ACTIONS.get(request.POST.get("action", ""))
    if request.method != "POST" or action is None:
        raise Http404
    subject = action.of._default_manager.filter(pk=request.POST.get("thing", "")).first()
    if subject is None:
        raise Http404
    if request.POST.get("confirmed") != "1":
        return _confirmation_page(request, action, subject)
    _do_action(request, action, subject)
    return redirect("failover-sites")


def _confirmation_page(request: HttpRequest, action: Action, subject: Model) -> HttpResponse:
    """Return the page on which the operator confirms an action on `subject`, a platform or a machine room."""
    context = {
        **admin.site.each_context(request),
        "title": f"{action.title}: {subject}",
        "warning": action.warning,
        "action": request.POST["action"],
        "thing": subject.pk,
        "back": reverse("failover-sites"),
    }
    return TemplateResponse(request, "failover/question.html", context)


def _do_action(request: HttpRequest, action: Action, subject: Model) -> None:
    """Carry out a button for a platform or machine room (`subject`), and audit it; show the outcome.

    A refusal is shown, too.
    """
    try:
        action.do(str(subject.pk), request.user.get_username())
    except (operator_requests.RequestRefused, rooms.Closed) as why:
        messages.error(request, _("Refused: %s") % why)
    except register_view.Failure as error:
        messages.error(request, _("The register is away: %s") % error)
    else:
        audit.log_action(subject, action.title)
        messages.success(request, _("Asked for; what becomes of it is shown below."))


def _require_permission(request: HttpRequest, permission: str) -> None:
    """Raise PermissionDenied unless the user has this permission."""
    if not request.user.has_perm(permission):
        raise PermissionDenied


def _for_administrators(view: Callable[[HttpRequest], HttpResponse]) -> Callable[..., HttpResponse]:
    """Wrap a view so that it asks for an administrator's sign-in and second factor first."""
    guarded: Callable[..., HttpResponse] = admin.site.admin_view(view)
    return guarded


urls = [
    path("admin/sites/", _for_administrators(page), name="failover-sites"),
    path("admin/sites/live/", _for_administrators(live), name="failover-live"),
    path("admin/sites/act/", _for_administrators(act), name="failover-act"),
]
