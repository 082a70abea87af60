"""The project reads here what the apps declare in their `AppConfig` (`foundation/bus/app_config.py`)."""

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
)
"""The apps that declare something, lower ones first."""


def roles() -> frozenset[str]:
    """Return all roles that some app plays. It may be called before Django has loaded the apps."""
    return frozenset(role for kind in _classes() for role in kind.roles)


def timers() -> dict[str, Timer]:
    """Return all timers, by name of the task. It may be called before Django has loaded the apps."""
    return {task: timer for kind in _classes() for task, timer in kind.timers.items()}


def _classes() -> list[type[PlatformAppConfig]]:
    for package in PACKAGES:
        import_module(f"{package}.apps")
    return PlatformAppConfig.__subclasses__()


def configs() -> list[PlatformAppConfig]:
    """Return the loaded configurations of our apps, lower ones first."""
    return [config for config in apps.get_app_configs() if isinstance(config, PlatformAppConfig)]


def sidebar() -> list[SidebarGroup]:
    """Return all groups of the admin's sidebar, in their order."""
    groups = [group for config in configs() for group in config.sidebar()]
    return sorted(groups, key=lambda group: group.position)
