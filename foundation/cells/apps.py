"""Define the Django app of the platforms' databases."""

from django.apps import AppConfig


class StoresConfig(AppConfig):
    """The app finds each platform's database and Redis, and knows which site serves the platform."""

    name = "foundation.cells"
    label = "stores"
    default_auto_field = "django.db.models.BigAutoField"
