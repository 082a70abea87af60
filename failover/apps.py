"""Who serves: as a Django app."""

from django.apps import AppConfig


class FailoverConfig(AppConfig):
    """Sites, cells, takeover and hand-back."""

    name = "failover"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Importing the flows registers their handlers; transactions learn of us."""
        from confplatform.bus.link import SERVING
        from confplatform.bus.work import SITES
        from domains import uses
        from failover import board, flows, status
        from failover.site import FailoverSite

        SITES["failover"] = FailoverSite
        SERVING.append(board.serving)
        uses.REMARKS.append(status.remark)
        flows.register()
