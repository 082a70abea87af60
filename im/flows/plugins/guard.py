"""A plugin is called in a thread of its own, so that the caller goes on when it takes too long."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import TypeVar

from im.data import metrics
from im.rules.plugins import PluginFault

log = logging.getLogger("im.plugins")

T = TypeVar("T")


def call_with_limit(name: str, seconds: float, function: Callable[[], T]) -> T:
    """Call a function of the plugin `name` in a thread, and return its result.

    Raises PluginFault if it raises, or takes longer than `seconds`; its thread is then left to itself and
    ends with the process.
    """
    results: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        """Call the function in the thread; put its result into `results`, or what it raises into `errors`."""
        try:
            results.append(function())
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run, name=f"plugin {name}", daemon=True)
    thread.start()
    thread.join(seconds)
    if results:
        return results[0]
    metrics.PLUGIN_FAILED.labels(name).inc()
    if errors:
        log.warning("plugin %s failed", name, exc_info=errors[0])
        raise PluginFault(f"{type(errors[0]).__name__}: {errors[0]}")
    log.warning("plugin %s took longer than %.1f s", name, seconds)
    raise PluginFault(f"it took longer than {seconds:.1f} s")
