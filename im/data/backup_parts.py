"""The files that people send, and the broker of people's clients, belong to a backup of this site."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from django.conf import settings
from django.core.files.storage import FileSystemStorage, storages


def folders() -> Mapping[str, Path | str]:
    """Return the folder with people's files, or that they lie in another storage, which has to keep them itself."""
    storage = storages["im_files"]
    if isinstance(storage, FileSystemStorage):
        return {"im-files": Path(storage.location)}
    return {"im-files": "IM_FILES_STORAGE is no folder: let that storage keep older versions"}


def brokers() -> Mapping[str, str]:
    """Return the broker of people's clients, unless it is the platform's own."""
    if settings.IM_MANAGEMENT_URL == settings.RABBITMQ_MANAGEMENT_URL:
        return {}
    return {"clients": settings.IM_MANAGEMENT_URL}
