"""Define the settings of Unfold, the library that styles the admin: colours, title and sidebar."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.utils.translation import gettext_lazy as _

from confplatform import declarations
from foundation.bus.app_config import SidebarEntry


def site_name(request: HttpRequest) -> list[str]:
    """Return the label beside the admin's title: this site's name, and the name of a colour of Unfold (the theme)."""
    from django.conf import settings

    return [settings.SITE_NAME, "info"]


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """Return the groups of links in the admin's sidebar in the form that Unfold, its theme, needs."""
    return [
        {
            "title": group.title,
            "separator": bool(group.title),
            "items": [_sidebar_link(entry) for entry in group.entries],
        }
        for group in declarations.sidebar()
    ]


def _sidebar_link(entry: SidebarEntry) -> dict[str, Any]:
    """Return a link of the admin's sidebar in the form that the theme Unfold needs.

    It is hidden from users for whom the function `permission` returns False.
    """
    return {
        "title": entry.title,
        "icon": entry.icon,
        "link": entry.link,
        "permission": entry.allowed,
    }


UNFOLD: dict[str, Any] = {
    "SITE_TITLE": _("Conference platform"),
    "SITE_HEADER": _("Conference platform"),
    "SITE_SYMBOL": "groups",
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_LANGUAGES": True,
    "SHOW_HISTORY": True,
    "SHOW_BACK_BUTTON": True,
    "ENVIRONMENT": "confplatform.settings_parts.admin_theme.site_name",
    "DASHBOARD_CALLBACK": "conferences.pages.dashboard.dashboard_context",
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
        "navigation": "confplatform.settings_parts.admin_theme.navigation",
    },
}
