"""The functions here collect what all apps declare in their `AppConfig` (`foundation/bus/app_config.py`)."""

from __future__ import annotations

from importlib import import_module

from django.apps import apps
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import SimpleLazyObject

from foundation.bus.app_config import PlatformAppConfig, SidebarGroup, Timer

PACKAGES = (
    "foundation.bus",
    "domains",
    "licensing",
    "conferences",
    "failover",
    "im",
    "social",
)
"""The apps with declarations, in the order of the layers, lowest first."""


def roles() -> frozenset[str]:
    """Return all roles that a site can play, such as "css" or "im", as the apps declare them.

    It may be called before Django has loaded the apps.
    """
    return frozenset(role for config in _load_config_classes() for role in config.roles)


def timers() -> dict[str, Timer]:
    """Return all timers: name of the Celery task -> timer. It may be called before Django has loaded the apps."""
    return {
        task: timer for config in _load_config_classes() for task, timer in config.timers.items()
    }


def _load_config_classes() -> list[type[PlatformAppConfig]]:
    """Import the module `apps` of every app of ours, and return their configuration classes."""
    for package in PACKAGES:
        import_module(f"{package}.apps")
    return PlatformAppConfig.__subclasses__()


def configs() -> list[PlatformAppConfig]:
    """Return the `AppConfig` objects of our apps, in the order of the layers, lowest first; Django has loaded them."""
    return [config for config in apps.get_app_configs() if isinstance(config, PlatformAppConfig)]


def navigation(request: HttpRequest) -> dict[str, object]:
    """Return the menu of the pages for people, for all templates (a context processor); it is made when it is used."""

    def links() -> list[dict[str, object]]:
        """Return the links of the menu; the longest one with which the request's path begins is the current one."""
        entries = sorted(entry for config in configs() for entry in config.menu_entries())
        links_and_titles = [(str(reverse(entry.url_name)), entry.title) for entry in entries]
        current = max(
            (link for link, _ in links_and_titles if request.path_info.startswith(link)),
            key=len,
            default="",
        )
        return [
            {"link": link, "title": title, "is_current": link == current}
            for link, title in links_and_titles
        ]

    return {"navigation": SimpleLazyObject(links)}


def sidebar() -> list[SidebarGroup]:
    """Return the groups of links in the admin's sidebar, from all apps, in the order of their positions."""
    groups = [group for config in configs() for group in config.sidebar()]
    return sorted(groups, key=lambda group: group.position)
