"""The functions here back up a site while it works, encrypted; verify a backup; and restore it on an empty host.

The page docs/backup.md is the one for operators, docs/decisions/0053-backups.md has the reasons.
"""
