"""The conferences as a Django app."""

from django.apps import AppConfig


class ConferencesConfig(AppConfig):
    """The conference, from request to end."""

    name = "conferences"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Importing the flows registers their handlers; transactions and metrics learn of us."""
        from conferences import flows
        from conferences.api import commands
        from conferences.data import metrics, platform_resolver, queries
        from conferences.data.database_unit_of_work import ConferenceSite
        from conferences.flows import due
        from domains.data import hooks
        from foundation.bus.dispatch import HOMES
        from foundation.bus.unit_of_work import SITES
        from foundation.web import errors, health

        SITES["conferences"] = ConferenceSite
        HOMES.append(platform_resolver.homes_of)
        hooks.DOMAIN_USES.connect(queries.uses_of_domain)
        hooks.ROOM_USES.connect(queries.uses_of_room)
        hooks.RUNNING_BELOW.connect(queries.running_below)
        hooks.RUNNING_CONFERENCES.connect(queries.running_conferences)
        hooks.END_RUNNING.connect(due.end_below)
        health.MORE.append(metrics.metrics)
        errors.CLOSED.append(commands.closed)
        flows.register()
