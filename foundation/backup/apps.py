"""Define the Django app of backups."""

from __future__ import annotations

from foundation.bus.app_config import PlatformAppConfig


class BackupConfig(PlatformAppConfig):
    """The Django app of backups: the commands `backup` and `restore`, and reports of how old the newest backup is."""

    name = "foundation.backup"
    label = "backup"

    def connect(self) -> None:
        """Add the age of the newest backup to `manage.py doctor` and to `/metrics`."""
        from foundation.backup import health as backup_health
        from foundation.web import findings, health

        findings.MORE_FINDINGS.connect(backup_health.findings)
        health.GAUGES.append(backup_health.gauges)
