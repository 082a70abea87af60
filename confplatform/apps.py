"""The project itself as a Django app, which is loaded last and collects the declarations of all apps."""

from __future__ import annotations

import gc

from django.apps import AppConfig


class ProjectConfig(AppConfig):
    """The app reads, at start-up, those declarations of other apps that are needed once."""

    name = "confplatform"

    def ready(self) -> None:
        """Set the protocol of the message bus, and collect rights and health checks of all apps.

        All modules are loaded then, so the garbage collector gets its usual threshold again.
        """
        from confplatform import declarations
        from domains.rules import rights
        from foundation.bus import protocol
        from foundation.web import health
        from wire.protocol import PROTOCOL

        protocol.install(PROTOCOL)
        apps_first = sorted(
            declarations.configs(), key=lambda config: config.name.startswith("foundation")
        )
        for config in apps_first:
            rights.declare_rights(config.rights)
            health.CHECKS.update(config.health_checks())
        gc.set_threshold(700, 10, 10)  # Python's own default
        gc.freeze()  # The garbage collector need not look at all loaded modules again and again.
