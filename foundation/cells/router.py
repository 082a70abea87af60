"""The database router allows migrations in our own platform's database only: others are copies."""

from __future__ import annotations


class OwnOnly:
    """The router allows migrations in our own database only. All queries name their database themselves."""

    def allow_migrate(self, db: str, app_label: str, **hints: object) -> bool:
        """Return whether `db` is our own database. Tables of another platform come with the copy of its data."""
        return db == "default"
