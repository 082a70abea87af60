"""Secrets are given in environment variables, or in files that variables with `_FILE` at their end name."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

SECRETS = (
    "SECRET_KEY",
    "DATABASE_URL",
    "POSSIBLE_DATABASES",
    "REGISTER_URL",
    "REDIS_URL",
    "POSSIBLE_REDIS",
    "AMQP_URL",
    "CELERY_BROKER_URL",
    "PEERS",
    "RABBITMQ_MANAGEMENT_URL",
    "IM_AMQP_URL",
    "IM_MANAGEMENT_URL",
    "IM_FILES_STORAGE",
    "IM_PLUGINS",
    "EMAIL_URL",
    "TURN_SECRET",
    "XMPP_SECRET",
    "LICENSE_PUBLIC_KEY",
    "LICENSE_SEALING_KEY",
    "ACCOUNT_SEALING_KEY",
)
"""Each of these may be in a file instead, which the variable `<name>_FILE` names."""


def read_secrets(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the secrets that are given in files: name -> content, without white space around it.

    A variable `<name>_FILE` names the file. Raises ImproperlyConfigured for a file that cannot be read or is empty,
    and for a secret that is given twice.
    """
    secrets = {}
    for name in SECRETS:
        path = variables.get(f"{name}_FILE", "")
        if not path:
            continue
        if variables.get(name):
            raise ImproperlyConfigured(f"{name} and {name}_FILE: set only one of them.")
        try:
            secrets[name] = Path(path).read_text("utf-8").strip()
        except (OSError, UnicodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is no text"
            raise ImproperlyConfigured(
                f"{name}_FILE: {path} cannot be read by user {os.geteuid()}: {reason}."
            ) from None
        if not secrets[name]:
            raise ImproperlyConfigured(f"{name}_FILE: {path} is empty.")
        # The library would take it for the name of another variable.
        if secrets[name].startswith("$"):
            raise ImproperlyConfigured(f"{name}_FILE: {path} begins with $. Choose another secret.")
    return secrets
