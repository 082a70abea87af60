"""The error that ends a backup or a restore."""

from __future__ import annotations


class BackupError(Exception):
    """A backup cannot be made, verified or restored; the text says why, and what to do."""
