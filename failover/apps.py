"""Who serves: as a Django app."""

from django.apps import AppConfig


class FailoverConfig(AppConfig):
    """Sites, cells, takeover and hand-back."""

    name = "failover"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Importing the flows registers their handlers; transactions learn of us."""
        from domains.data import hooks
        from failover import flows
        from failover.data import register_view
        from failover.data.unit_of_work import FailoverSite
        from failover.flows import status
        from foundation.bus.link import SERVING
        from foundation.bus.unit_of_work import SITES

        SITES["failover"] = FailoverSite
        SERVING.append(register_view.serving)
        hooks.REMARKS.connect(status.remark)
        flows.register()
