"""Instant messaging as a Django app."""

from django.apps import AppConfig


class ImConfig(AppConfig):
    """People's messages, in order, never lost."""

    name = "im"
    verbose_name = "Instant messaging"
    default_auto_field = "django.db.models.BigAutoField"
