"""The conferences as a Django app."""

from django.apps import AppConfig


class ConferencesConfig(AppConfig):
    """The conference, from request to end."""

    name = "conferences"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Importing the flows registers their handlers."""
        from conferences import flows

        flows.register()
