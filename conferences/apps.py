"""The conferences as a Django app."""

from django.apps import AppConfig


class ConferencesConfig(AppConfig):
    """The conference, from request to end."""

    name = "conferences"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Importing the flows registers their handlers; transactions learn of our site."""
        from conferences import flows
        from conferences.store import ConferenceSite
        from confplatform.bus.work import SITES

        SITES["conferences"] = ConferenceSite
        flows.register()
