"""The settings of a site come from environment variables, its secrets from variables or from files."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import environ
from django.core.exceptions import ImproperlyConfigured

from foundation.secret_files import SECRETS, read_secrets


class SiteEnv(environ.Env):  # type: ignore[misc]  # it has no types
    """The environment variables of a site.

    It keeps the name of each one that is read, since a backup holds them all.
    """

    def __init__(self, variables: Mapping[str, str]) -> None:
        """Take the variables, and for secrets the contents of files, which no other process inherits.

        Raises ImproperlyConfigured.
        """
        super().__init__()
        self.ENVIRON = {**variables, **read_secrets(variables)}
        self.names = {f"{name}_FILE" for name in SECRETS}

    def get_value(self, var: str, *args: object, **kwargs: object) -> object:
        """Return the value of a variable, and keep its name."""
        self.names.add(str(var))
        return super().get_value(var, *args, **kwargs)


def read_state_folder(env: SiteEnv, default: Path) -> Path:
    """Return the folder below which a site keeps its files, uploads, recordings and static files (VAR_DIR).

    Raises ImproperlyConfigured for a folder that was named and cannot be written: uploads would fail later.
    """
    name = env.str("VAR_DIR", default="")
    if name and not (os.path.isdir(name) and os.access(name, os.W_OK)):
        raise ImproperlyConfigured(
            f"VAR_DIR: {name} is no folder that user {os.geteuid()} can write."
        )
    return Path(name) if name else default
