"""The conferences as a Django app."""

from django.apps import AppConfig


class ConferencesConfig(AppConfig):
    """The conference, from request to end."""

    name = "conferences"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Importing the flows registers their handlers; transactions and metrics learn of us."""
        from conferences import flows, gauges, homes, queries
        from conferences.api import asking
        from conferences.flows import due
        from conferences.store import ConferenceSite
        from confplatform.api import errors, health
        from confplatform.bus.dispatch import HOMES
        from confplatform.bus.work import SITES
        from domains import uses

        SITES["conferences"] = ConferenceSite
        HOMES.append(homes.homes_of)
        uses.DOMAINS.append(queries.uses_of_domain)
        uses.ROOMS.append(queries.uses_of_room)
        uses.RUNNING.append(queries.running_below)
        uses.GATHERINGS.append(queries.gatherings)
        uses.ENDING.append(due.end_below)
        health.MORE.append(gauges.metrics)
        errors.CLOSED.append(asking.closed)
        flows.register()
