"""The module reports the state of this site's plugins for `manage.py doctor`, `/metrics` and the admin page."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import redis
from prometheus_client.core import GaugeMetricFamily

from foundation.bus.management_api import BrokerUnavailable
from foundation.cells.directory import own_platform, store_of
from foundation.web.findings import Finding
from im.data import broker, health
from im.data.plugins import repository, switches
from im.rules.plugins import Place, parked_queue, plugin_queue

QUEUES = "im.plugin."


@dataclass(frozen=True, slots=True)
class PluginState:
    """Represent the state of a plugin that hears of stored messages.

    `runs`: a process runs it. `waiting`: messages in its queue. `parked`: messages on which it has failed.
    """

    runs: bool
    waiting: int
    parked: int


def plugin_states(names: Collection[str]) -> dict[str, PluginState]:
    """Return the state of each of these plugins: name -> state.

    What Redis or the broker cannot say now counts as 0, and as a process that runs.
    """
    try:
        ages = health.seconds_without_progress_of(f"plugin {name}" for name in names)
    except redis.RedisError:
        ages = {}
    try:
        counts = broker.waiting_in(QUEUES)
    except BrokerUnavailable:
        counts = {}
    return {
        name: PluginState(
            ages.get(f"plugin {name}", 0.0) <= health.STALLED_SECONDS,
            counts.get(plugin_queue(name), 0),
            counts.get(parked_queue(name), 0),
        )
        for name in names
    }


def findings() -> list[Finding]:
    """Check the plugins that IM_PLUGINS names, for `manage.py doctor`; return what was found. [] if there are none."""
    names = repository.configured()
    if not names:
        return []
    known, found = plugin_states(names), repository.installed()
    off = {name: switches.why_off(name) for name in names}
    return [_finding(name, found, known[name], off[name]) for name in names]


def _finding(
    name: str, found: Mapping[str, repository.Installed], standing: PluginState, why_off: str
) -> Finding:
    """Return what is wrong with a plugin, and what to do. `found`: the installed plugins; `why_off`: why it is off."""
    check = f"plugin {name}"
    if name not in found:
        return Finding(check, "it is not installed", "install its package, or change IM_PLUGINS")
    if why_off:
        todo = "read the log, install a version that works, switch it on at /admin/im/plugin/"
        return Finding(check, why_off, todo)
    if found[name].place is Place.PROCESS and not standing.runs:
        reason = f"no process runs it, {standing.waiting} messages wait"
        return Finding(check, reason, f"start manage.py im_plugin {name}")
    parked = f"it failed on {standing.parked} messages" if standing.parked else ""
    return Finding(check, parked, f"they are in the queue {parked_queue(name)}, with the fault")


def gauges() -> Iterable[GaugeMetricFamily]:
    """Yield, for Prometheus, how many messages wait for each plugin, and whether it was switched off for failing."""
    names = repository.configured()
    if not names:
        return
    waiting = GaugeMetricFamily("im_plugin_waiting", "Messages that wait for it", labels=["plugin"])
    out = GaugeMetricFamily(
        "im_plugin_out", "1: it was put out because it failed", labels=["plugin"]
    )
    faults = switches.faults(store_of(own_platform()).database)
    for name, standing in plugin_states(names).items():
        waiting.add_metric([name], standing.waiting)
        out.add_metric([name], float(name in faults))
    yield waiting
    yield out
