"""The stores as a Django app."""

from django.apps import AppConfig


class StoresConfig(AppConfig):
    """Databases and Redis of each platform."""

    name = "foundation.cells"
    label = "stores"
    default_auto_field = "django.db.models.BigAutoField"
