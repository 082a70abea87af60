"""The domains as a Django app."""

from django.apps import AppConfig


class DomainsConfig(AppConfig):
    """Who belongs where."""

    name = "domains"
    default_auto_field = "django.db.models.BigAutoField"
