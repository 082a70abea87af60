"""The table of plugins says which of them are switched on, and which were put out because they failed."""

from __future__ import annotations

import time

from django.db import DatabaseError, InterfaceError

from foundation import clock
from foundation.cells.directory import own_platform, store_of
from im.data import metrics
from im.data.plugins.repository import Installed
from im.models import Plugin

READ_SECONDS = 2.0
"""A switch is read again after so long, when there is work for the plugin."""
MOST_FAULT = 300


class Switch:
    """The switch of one plugin, as a process that runs it sees it."""

    def __init__(self, name: str) -> None:
        self._name, self._is_on, self._read_at = name, True, float("-inf")

    def is_on(self) -> bool:
        """Return whether the plugin is switched on and not marked as faulty; the answer is at most READ_SECONDS old.

        Without the database the last answer counts.
        """
        if time.monotonic() - self._read_at > READ_SECONDS:
            self._read_at = time.monotonic()
            try:
                self._is_on = why_off(self._name) == ""
            except (DatabaseError, InterfaceError):
                return self._is_on
        return self._is_on

    def mark_faulty(self, fault: str) -> None:
        """Record that the plugin failed, so that no process uses it until an operator switches it on again."""
        self._is_on, self._read_at = False, time.monotonic()
        mark_faulty(self._name, fault)


def _database() -> str:
    """Return the alias of the database of this site's own platform."""
    return store_of(own_platform()).database


def record_plugin(plugin: Installed) -> None:
    """Record in the database that a process uses this plugin, and in which version."""
    about = {"place": plugin.place.value, "version": plugin.version[:40]}
    rows = Plugin.objects.using(_database())
    row, is_new = rows.get_or_create(name=plugin.name, defaults=about)
    if not is_new and (row.place, row.version) != (about["place"], about["version"]):
        rows.filter(name=plugin.name).update(**about)


def why_off(name: str) -> str:
    """Return why a plugin is not to be used now, in words; "" if it is to be used."""
    row = Plugin.objects.using(_database()).filter(name=name).first()
    if row is None or (row.is_on and not row.fault):
        return ""
    return f"it was put out: {row.fault}" if row.fault else "it is switched off"


def mark_faulty(name: str, fault: str) -> None:
    """Mark a plugin as faulty, since it has failed too often; it is not used until an operator switches it on again.

    `fault` says what went wrong.
    """
    metrics.PLUGIN_PUT_OUT.labels(name).inc()
    rows = Plugin.objects.using(_database()).filter(name=name)
    rows.update(fault=fault[:MOST_FAULT], changed_at=clock.now())


def switch(name: str, *, on: bool) -> bool:
    """Switch a plugin on or off, and return whether that changed anything. Switched on, it is not faulty any more."""
    rows = Plugin.objects.using(_database()).filter(name=name)
    rows = rows.exclude(is_on=True, fault="") if on else rows.filter(is_on=True)
    values = {"is_on": on, "changed_at": clock.now()} | ({"fault": ""} if on else {})
    return rows.update(**values) > 0


def faults(database: str) -> dict[str, str]:
    """Return the plugins that are not used because they failed too often: name -> what went wrong."""
    return dict(Plugin.objects.using(database).exclude(fault="").values_list("name", "fault"))
