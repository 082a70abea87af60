"""The functions here say what instant messages add to a backup of the site: people's files, and the clients' broker."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from django.conf import settings
from django.core.files.storage import FileSystemStorage, storages


def folders() -> Mapping[str, Path | str]:
    """Return the folder with people's files as a part of a backup: name -> path.

    If the files lie in another storage, a sentence stands for the path: that storage has to keep them itself.
    """
    storage = storages["im_files"]
    if isinstance(storage, FileSystemStorage):
        return {"im-files": Path(storage.location)}
    return {"im-files": "IM_FILES_STORAGE is no folder: let that storage keep older versions"}


def brokers() -> Mapping[str, str]:
    """Return the broker of people's clients as a part of a backup: name -> URL of its management API.

    {} if it is the platform's own broker, which the backup has anyway.
    """
    if settings.IM_MANAGEMENT_URL == settings.RABBITMQ_MANAGEMENT_URL:
        return {}
    return {"clients": settings.IM_MANAGEMENT_URL}
