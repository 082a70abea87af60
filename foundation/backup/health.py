"""The age of the newest backup, as `manage.py doctor` and `/metrics` report it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from django.conf import settings
from prometheus_client.core import GaugeMetricFamily

from foundation.backup.manifest import Manifest
from foundation.backup.store import Store
from foundation.clock import timestamp
from foundation.web.findings import Finding

HOUR = 3600.0
TODO = "see its log (journalctl -u confplatform-backup), and docs/backup.md"


def newest() -> Manifest | None:
    """Return the description (manifest) of the newest complete backup of this site; `None` if there is none."""
    backups = Store(Path(settings.BACKUP_DIR), settings.SITE_NAME).backups()
    return backups[0][1] if backups else None


def findings() -> list[Finding]:
    """Return what `manage.py doctor` says of the newest backup: one finding, a fault if it is missing or too old.

    [] at a site without the setting BACKUP_DIR, which makes no backups.
    """
    if not settings.BACKUP_DIR:
        return []
    manifest = newest()
    if manifest is None:
        return [Finding("backup", f"there is none in {settings.BACKUP_DIR}", TODO)]
    hours = _age(manifest) / HOUR
    if hours <= settings.BACKUP_MAX_AGE_HOURS:
        return [Finding("backup")]
    return [Finding("backup", f"the newest is {hours:.0f} hours old", TODO)]


def gauges() -> Iterable[GaugeMetricFamily]:
    """Yield the metrics of the newest backup: age, size and how long it took. A missing one has an infinite age.

    Nothing is yielded at a site without the setting BACKUP_DIR, which makes no backups.
    """
    if not settings.BACKUP_DIR:
        return
    manifest = newest()
    age = _age(manifest) if manifest else float("inf")
    yield GaugeMetricFamily(
        "backup_age_seconds", "Seconds since the newest whole backup was begun; +Inf: none", age
    )
    if manifest:
        size = sum(part.bytes for part in manifest.parts)
        yield GaugeMetricFamily("backup_bytes", "Bytes of the newest whole backup", size)
        took = manifest.ended - manifest.began
        yield GaugeMetricFamily("backup_seconds", "Seconds that the newest backup took", took)


def _age(manifest: Manifest) -> float:
    """Return how many seconds ago a backup was begun."""
    return max(0.0, timestamp() - manifest.began)
