"""Who serves: as a Django app."""

from django.apps import AppConfig


class FailoverConfig(AppConfig):
    """Sites, cells, takeover and hand-back."""

    name = "failover"
    default_auto_field = "django.db.models.BigAutoField"
