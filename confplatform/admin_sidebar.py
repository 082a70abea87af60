"""How the admin looks and what stands in its sidebar; taken over by the settings."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse_lazy
from django.utils.functional import lazy
from django.utils.translation import gettext_lazy as _


def site_name(request: HttpRequest) -> list[str]:
    """Which site this is, beside the title: two sites look alike otherwise."""
    from django.conf import settings

    return [settings.SITE_NAME, "info"]


def _page(title: Any, icon: str, name: str, permission: str = "") -> dict[str, Any]:
    page = {"title": title, "icon": icon, "link": reverse_lazy(f"admin:{name}")}
    if permission:
        page["permission"] = lambda request: request.user.has_perm(permission)
    return page


def _model(title: Any, icon: str, app: str, model: str) -> dict[str, Any]:
    return _page(title, icon, f"{app}_{model}_changelist", f"{app}.view_{model}")


def _core_page() -> str:
    from django.conf import settings

    return f"{settings.CORE_URL}/admin/"


def _follows(request: HttpRequest) -> bool:
    """Is the tree edited elsewhere, at an address that we know?"""
    from django.conf import settings

    return bool(settings.CORE_URL and settings.CORE_MOID and "bmc" not in settings.ROLES)


_AT_THE_CORE = {
    "title": _("At the core"),
    "icon": "open_in_new",
    "link": lazy(_core_page, str)(),
    "permission": _follows,
}


_SITES = {
    "title": _("Sites"),
    "icon": "public",
    "link": reverse_lazy("failover-sites"),
    "permission": lambda request: request.user.has_perm("failover.view_register"),
}


def _group(title: Any, *items: dict[str, Any]) -> dict[str, Any]:
    return {"title": title, "separator": True, "items": list(items)}


UNFOLD: dict[str, Any] = {
    "SITE_TITLE": _("Conference platform"),
    "SITE_HEADER": _("Conference platform"),
    "SITE_SYMBOL": "groups",
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_LANGUAGES": True,
    "SHOW_HISTORY": True,
    "SHOW_BACK_BUTTON": True,
    "ENVIRONMENT": "confplatform.admin_sidebar.site_name",
    "DASHBOARD_CALLBACK": "conferences.pages.dashboard.for_page",
    "STYLES": [lambda request: static("operator/operator.css")],
    "COLORS": {
        "primary": {
            "50": "oklch(97% .014 230)",
            "100": "oklch(93% .03 230)",
            "200": "oklch(88% .06 230)",
            "300": "oklch(81% .1 230)",
            "400": "oklch(70% .13 235)",
            "500": "oklch(60% .14 240)",
            "600": "oklch(52% .14 243)",
            "700": "oklch(45% .12 244)",
            "800": "oklch(39% .1 244)",
            "900": "oklch(33% .08 244)",
            "950": "oklch(25% .06 244)",
        }
    },
    "SIDEBAR": {
        "show_search": False,
        "show_all_applications": False,
        "navigation": [
            {"items": [_page(_("Dashboard"), "dashboard", "index"), _SITES]},
            _group(
                _("Conferences"),
                _model(_("Conferences"), "video_camera_front", "conferences", "conference"),
                _model(_("Media units"), "dns", "conferences", "resourceunit"),
                _model(_("Call records"), "history", "conferences", "callrecord"),
                _model(_("Numbers"), "dialpad", "conferences", "number"),
            ),
            _group(
                _("Domains"),
                _page(_("Tree"), "account_tree", "domains_domain_tree", "domains.view_domain"),
                _model(_("All domains"), "search", "domains", "domain"),
                _model(_("Service domains"), "folder", "domains", "servicedomain"),
                _model(_("Platform domains"), "hub", "domains", "platformdomain"),
                _model(_("Machine rooms"), "meeting_room", "domains", "machineroom"),
                _model(_("User domains"), "apartment", "domains", "userdomain"),
                _AT_THE_CORE,
            ),
            _group(
                _("Access"),
                _model(_("Accounts"), "person", "domains", "account"),
                _model(_("API keys"), "key", "domains", "apikey"),
                _model(_("Applications"), "apps", "domains", "application"),
                _model(_("Wrong tries"), "lock_clock", "axes", "accessattempt"),
            ),
            _group(
                _("Licensing"),
                _model(_("Licences"), "license", "licensing", "licence"),
                _model(_("Seats"), "event_seat", "licensing", "quota"),
            ),
            _group(
                _("Instant messages"),
                _model(_("Conversations"), "forum", "im", "conversation"),
                _model(_("People online"), "person_check", "im", "listener"),
                _model(_("Broadcasts"), "campaign", "im", "broadcast"),
                _model(_("Load balancers"), "alt_route", "im", "balanceserver"),
                _model(_("Media servers"), "perm_media", "im", "mediaserver"),
            ),
            _group(
                _("Messages"),
                _model(_("Parked"), "report", "bus", "parked"),
                _model(_("Outbox"), "outbox", "bus", "outbox"),
                _model(_("Requests"), "inbox", "bus", "inbox"),
            ),
            _group(
                _("Audit"),
                _model(_("Audit trail"), "fact_check", "auditlog", "logentry"),
            ),
        ],
    },
}
