"""The functions here collect what all apps declare in their `AppConfig` (`foundation/bus/app_config.py`)."""

from __future__ import annotations

from importlib import import_module

from django.apps import apps

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
    """Return all roles that some app implements. It may be called before Django has loaded the apps."""
    return frozenset(role for config in _classes() for role in config.roles)


def timers() -> dict[str, Timer]:
    """Return all timers: name of the Celery task -> timer. It may be called before Django has loaded the apps."""
    return {task: timer for config in _classes() for task, timer in config.timers.items()}


def _classes() -> list[type[PlatformAppConfig]]:
    """Return the configuration classes of all apps, after importing them."""
    for package in PACKAGES:
        import_module(f"{package}.apps")
    return PlatformAppConfig.__subclasses__()


def configs() -> list[PlatformAppConfig]:
    """Return the loaded configurations of our apps, in the order of the layers, lowest first."""
    return [config for config in apps.get_app_configs() if isinstance(config, PlatformAppConfig)]


def sidebar() -> list[SidebarGroup]:
    """Return the groups of links in the admin's sidebar, from all apps, in the order of their positions."""
    groups = [group for config in configs() for group in config.sidebar()]
    return sorted(groups, key=lambda group: group.position)
