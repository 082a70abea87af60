"""The bus as a Django app."""

from django.apps import AppConfig


class BusConfig(AppConfig):
    """Typed messages over RabbitMQ."""

    name = "foundation.bus"
    label = "bus"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the system checks."""
        from foundation.bus import checks  # noqa: F401
