"""The functions here read the settings of backups from environment variables."""

from __future__ import annotations

from confplatform.settings_parts.site_env import SiteEnv


def read_settings(env: SiteEnv) -> dict[str, object]:
    """Return the settings of backups, and as VARIABLES the names of all variables, whose values a backup holds."""
    return {
        "BACKUP_DIR": env.str("BACKUP_DIR", default=""),
        "BACKUP_FOLDERS": env.dict("BACKUP_FOLDERS", default={}),
        "BACKUP_RECIPIENTS_FILE": env.str("BACKUP_RECIPIENTS_FILE", default=""),
        "BACKUP_KEEP": max(1, env.int("BACKUP_KEEP", default=14)),
        "BACKUP_MAX_AGE_HOURS": env.int("BACKUP_MAX_AGE_HOURS", default=26),
        "VARIABLES": env.names,
    }
