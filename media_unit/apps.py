"""The media unit's programs as a Django app: it has commands and no tables."""

from django.apps import AppConfig


class MediaUnitConfig(AppConfig):
    """Define the app that gives `manage.py` the commands of a media unit."""

    name = "media_unit"
