"""Tables are made by the site whose platform's data it is: what a backup has is a copy."""

from __future__ import annotations

from typing import Any


class OwnOnly:
    """Migrations run on our own data alone; all else names its alias."""

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool:
        """Another platform's tables come with its data."""
        return db == "default"
