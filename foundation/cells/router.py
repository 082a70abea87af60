"""The database router makes tables in our own data alone: those of other platforms are copied here."""

from __future__ import annotations


class OwnOnly:
    """The router allows migrations on our own data alone; all queries name their alias."""

    def allow_migrate(self, db: str, app_label: str, **hints: object) -> bool:
        """Allow our own database; another platform's tables come with the copy of its data."""
        return db == "default"
