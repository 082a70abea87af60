"""Define the error that ends the making, verifying or restoring of a backup."""

from __future__ import annotations


class BackupError(Exception):
    """The exception that says why a backup cannot be made, verified or restored, and what to do."""
