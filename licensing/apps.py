"""Licensing as a Django app."""

from django.apps import AppConfig


class LicensingConfig(AppConfig):
    """How much a platform may do."""

    name = "licensing"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Importing the flows registers their handlers; transactions and metrics learn of us."""
        from confplatform import audit
        from confplatform.api import health
        from confplatform.bus.work import SITES
        from domains import uses
        from licensing import flows, models, queries
        from licensing.measures import measures
        from licensing.site import LicenceSite

        SITES["licensing"] = LicenceSite
        health.MORE.append(queries.metrics)
        uses.MEASURES.append(measures)
        audit.follow(models.Licence, without=("sealed",))
        flows.register()
