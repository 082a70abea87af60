"""Licensing as a Django app."""

from django.apps import AppConfig


class LicensingConfig(AppConfig):
    """How much a platform may do."""

    name = "licensing"
    default_auto_field = "django.db.models.BigAutoField"
