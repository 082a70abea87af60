"""The repository finds plugins by their entry points, and makes those that IM_PLUGINS names (CONV: Repository)."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points

from django.conf import settings

from im.rules.plugins import NAME, Place, PluginFault, Settings


@dataclass(frozen=True, slots=True)
class Installed:
    """Represent an installed plugin of instant messages. `version` is that of its package, `entry` its entry point."""

    name: str
    place: Place
    version: str
    entry: EntryPoint


def configured() -> dict[str, Settings]:
    """Return the plugins that this site uses: name -> its own settings."""
    return dict(settings.IM_PLUGINS)


def installed() -> dict[str, Installed]:
    """Return all installed plugins of instant messages by name."""
    found = (
        Installed(entry.name, place, entry.dist.version if entry.dist else "", entry)
        for place in Place
        for entry in entry_points(group=place.value)
    )
    return {plugin.name: plugin for plugin in found if NAME.fullmatch(plugin.name)}


def find(name: str) -> Installed:
    """Return a plugin that IM_PLUGINS names. Raises PluginFault if it is not named or not installed."""
    if name not in configured():
        raise PluginFault(f"IM_PLUGINS does not name {name}")
    plugin = installed().get(name)
    if plugin is None:
        raise PluginFault(f"{name} is not installed: no entry point has this name")
    return plugin


def create(plugin: Installed) -> object:
    """Load a plugin's code, create the plugin with its own settings, and return it.

    Raises PluginFault for any error.
    """
    try:
        factory = plugin.entry.load()
        made: object = factory(configured()[plugin.name])
    except Exception as error:
        raise PluginFault(f"it cannot be made: {type(error).__name__}: {error}") from error
    return made
