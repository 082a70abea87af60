"""Backups of a site: written under load, encrypted, verified by restoring, and restored on an empty host.

The page docs/backup.md is the one for operators, docs/decisions/0053-backups.md has the reasons.
"""
