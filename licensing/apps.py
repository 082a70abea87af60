"""Licensing as a Django app."""

from django.apps import AppConfig


class LicensingConfig(AppConfig):
    """How much a platform may do."""

    name = "licensing"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Importing the flows registers their handlers; transactions and metrics learn of us."""
        from domains.data import hooks
        from foundation.bus.unit_of_work import SITES
        from foundation.web import audit, health
        from licensing import flows, models
        from licensing.data import queries
        from licensing.data.unit_of_work import LicenceSite
        from licensing.data.usage import measures

        SITES["licensing"] = LicenceSite
        health.MORE.append(queries.metrics)
        hooks.MEASURES.connect(measures)
        audit.follow(models.Licence, without=("sealed",))
        flows.register()
