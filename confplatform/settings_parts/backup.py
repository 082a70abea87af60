"""The settings of backups are read from environment variables, and which variables there are is noted for them."""

from __future__ import annotations

import environ


class NotedEnv(environ.Env):  # type: ignore[misc]  # it has no types
    """The environment notes the name of each variable that the settings ask for, since a backup holds them all."""

    names: set[str]

    def __init__(self) -> None:
        """Begin without names."""
        super().__init__()
        self.names = set()

    def get_value(self, var: str, *args: object, **kwargs: object) -> object:
        """Note the name of a variable, and return its value."""
        self.names.add(str(var))
        return super().get_value(var, *args, **kwargs)


def read_settings(env: NotedEnv) -> dict[str, object]:
    """Return the settings of backups."""
    return {
        "BACKUP_DIR": env.str("BACKUP_DIR", default=""),
        "BACKUP_FOLDERS": env.dict("BACKUP_FOLDERS", default={}),
        "BACKUP_RECIPIENTS_FILE": env.str("BACKUP_RECIPIENTS_FILE", default=""),
        "BACKUP_KEEP": max(1, env.int("BACKUP_KEEP", default=14)),
        "BACKUP_MAX_AGE_HOURS": env.int("BACKUP_MAX_AGE_HOURS", default=26),
        "VARIABLES": env.names,
    }
