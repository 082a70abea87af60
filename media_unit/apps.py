"""The media unit's programs as a Django app: it has commands and no tables."""

from django.apps import AppConfig


class MediaUnitConfig(AppConfig):
    """Gives `manage.py` the commands that run a media unit."""

    name = "media_unit"
