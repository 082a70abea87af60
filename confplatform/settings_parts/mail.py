"""The settings of e-mails and text messages are read from environment variables."""

from __future__ import annotations

from pathlib import Path

import environ

TIMEOUT_SECONDS = 10
"""A mail server that takes longer counts as away."""


def read_settings(env: environ.Env, folder: Path) -> dict[str, object]:
    """Return the settings of e-mails and text messages, which are written into `folder` by default."""
    url = env.email_url("EMAIL_URL", default=f"filemail:///{folder / 'mail'}")
    return {
        **url,
        "EMAIL_TIMEOUT": TIMEOUT_SECONDS,
        "SMS_SENDER": env.str("SMS_SENDER", default="social.data.senders.FileSender"),
        "SMS_FILE": env.str("SMS_FILE", default=str(folder / "sms.txt")),
        "DEFAULT_FROM_EMAIL": env.str("MAIL_FROM", default="noreply@localhost"),
        "INVITATION_MAILS": bool(env.str("EMAIL_URL", default="")),
        "INVITATION_MAILS_AN_HOUR": env.int("INVITATION_MAILS_AN_HOUR", default=1000),
        "DIAL_IN": env.str("DIAL_IN", default="").replace("\\n", "\n"),
    }
