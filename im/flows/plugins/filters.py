"""Plugins at the place PARSE check or change texts before they are stored.

They run within the stage that parses. A plugin that fails disturbs nobody: the text goes on as it came, and a plugin
that fails on several in a row is put out.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import cast

from im.data import metrics
from im.data.plugins import repository, switches
from im.data.plugins.repository import Installed
from im.data.plugins.switches import Switch
from im.flows.plugins import guard
from im.rules.messages import Edit, IncomingRequest, RefusedMessage, Say
from im.rules.plugins import (
    ParserPlugin,
    Place,
    PluginFault,
    Refusal,
    SentText,
    Streak,
    checked_text,
)
from im.rules.vocabulary import Code

log = logging.getLogger("im.plugins")

BATCH_SECONDS = 1.0
"""A plugin may take so long for all texts of a batch together."""


def load_filters() -> list[Filter]:
    """Return the configured plugins that check texts before these are stored, in the order of the setting IM_PLUGINS.

    One that cannot be created is left out and switched off; one that is not installed is left out. Raises database
    errors.
    """
    configured = repository.configured()
    found = repository.installed() if configured else {}
    named = [found[name] for name in configured if name in found]
    return [
        made for plugin in named if plugin.place is Place.PARSE for made in _create_filter(plugin)
    ]


def _create_filter(plugin: Installed) -> list[Filter]:
    """Create a filter from an installed plugin and return it in a list; [] and switched off if that fails."""
    switches.record_plugin(plugin)
    try:
        return [Filter(plugin.name, cast(ParserPlugin, repository.create(plugin)))]
    except PluginFault as fault:
        log.error("plugin %s: %s", plugin.name, fault)
        switches.mark_faulty(plugin.name, str(fault))
        return []


class Filter:
    """A plugin that checks texts before these are stored, with its switch and the count of its failures in a row."""

    def __init__(self, name: str, plugin: ParserPlugin) -> None:
        """Wrap the plugin, which IM_PLUGINS calls `name`; no failure is counted yet."""
        self._name, self._plugin = name, plugin
        self._switch, self._streak = Switch(name), Streak()

    def apply(self, requests: Sequence[IncomingRequest]) -> list[IncomingRequest | RefusedMessage]:
        """Return the requests as the plugin has changed them, or its refusals.

        They stay as they came if none has a text to check, while the plugin is switched off, or if it fails or takes
        too long.
        """
        items: list[IncomingRequest | RefusedMessage] = [*requests]
        if not any(isinstance(item.request, Say | Edit) for item in requests):
            return items
        if not self._switch.is_on():
            return items
        try:
            checked = guard.call_with_limit(
                self._name, BATCH_SECONDS, lambda: [self._check_request(item) for item in requests]
            )
        except PluginFault as fault:
            self._note_failure(str(fault))
            return items
        metrics.PLUGIN_HANDLED.labels(self._name).inc(len(requests))
        return [
            self._result_or_original(original, item)
            for original, item in zip(requests, checked, strict=True)
        ]

    def _check_request(
        self, incoming: IncomingRequest
    ) -> IncomingRequest | RefusedMessage | Exception:
        """Return a request as the plugin has changed it, the plugin's refusal, or the exception that it has raised."""
        request = incoming.request
        if not isinstance(request, Say | Edit) or not request.body:
            return incoming
        try:
            text = SentText(request.conversation, incoming.sender, request.body)
            match self._plugin.check(text):
                case Refusal(reason):
                    client_msg_id = incoming.client_msg_id
                    return RefusedMessage(
                        incoming.sender, Code.MUTED, str(reason)[:300], client_msg_id
                    )
                case body:
                    return replace(incoming, request=replace(request, body=checked_text(body)))
        except Exception as error:
            return error

    def _result_or_original(
        self, original: IncomingRequest, checked: IncomingRequest | RefusedMessage | Exception
    ) -> IncomingRequest | RefusedMessage:
        """Return the plugin's result, or the `original` request if the plugin has raised an exception on it.

        A failure is counted.
        """
        if not isinstance(checked, Exception):
            self._streak.note_success()
            return checked
        metrics.PLUGIN_FAILED.labels(self._name).inc()
        self._note_failure(f"{type(checked).__name__}: {checked}")
        return original

    def _note_failure(self, fault: str) -> None:
        """Count a failure of the plugin, and switch it off after too many in a row; `fault` says what went wrong."""
        if self._streak.note_failure() and self._switch.is_on():
            log.error("plugin %s is put out: %s", self._name, fault)
            self._switch.mark_faulty(fault)
            self._streak.note_success()
