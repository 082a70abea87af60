"""The settings of e-mails are read from two environment variables."""

from __future__ import annotations

from pathlib import Path

import environ

TIMEOUT_SECONDS = 10
"""A mail server that takes longer counts as away."""


def read_settings(env: environ.Env, folder: Path) -> dict[str, object]:
    """Return Django's settings of e-mails; without a mail server they are written into a folder."""
    url = env.email_url("EMAIL_URL", default=f"filemail:///{folder}")
    return {
        **url,
        "EMAIL_TIMEOUT": TIMEOUT_SECONDS,
        "DEFAULT_FROM_EMAIL": env.str("MAIL_FROM", default="noreply@localhost"),
    }
