"""The project as a Django app: it is loaded last and gives to the library what the apps declare."""

from __future__ import annotations

from django.apps import AppConfig


class ProjectConfig(AppConfig):
    """Reads the declarations that are needed once, at start-up."""

    name = "confplatform"

    def ready(self) -> None:
        """Give the bus its protocol, and collect rights and health checks of all apps."""
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
            rights.declare(config.rights)
            health.CHECKS.update(config.health_checks())
