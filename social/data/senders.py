"""Text messages and e-mails go out through senders that the settings name.

The sender of text messages is a class that SMS_SENDER names; the default one writes to the file
SMS_FILE. E-mails go as EMAIL_URL says: by default they are written to a folder.
"""

from __future__ import annotations

from email.utils import parseaddr
from pathlib import Path
from typing import Protocol

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.utils.module_loading import import_string

from foundation import clock
from social.models import OutgoingText


class TextSender(Protocol):
    """The interface of a class that sends text messages to telephones."""

    def send(self, number: str, text: str) -> None:
        """Send a text to a number in the form of E.164. Raises OSError if that is not possible now."""


class FileSender:
    """A sender that writes text messages to the file SMS_FILE, one a line: time, number, text."""

    def send(self, number: str, text: str) -> None:
        """Append the text message to the file."""
        path = Path(settings.SMS_FILE)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with path.open("a", encoding="utf-8") as file:
            file.write(f"{clock.now():%Y-%m-%dT%H:%M:%SZ}\t{number}\t{text}\n")
        path.chmod(0o600)


def deliver(row: OutgoingText) -> None:
    """Send a text message to a number (with +), or an e-mail to an address. Raises OSError."""
    if row.to.startswith("+"):
        sender: TextSender = import_string(settings.SMS_SENDER)()
        sender.send(row.to, row.text)
    else:
        _mail_of(row).send()


def _mail_of(row: OutgoingText) -> EmailMultiAlternatives:
    """Return the e-mail of a row: a text, and the calendar if there is one.

    The calendar is a part that mail programs show as an invitation, and a file for those that do not. A mail that is
    sent once more, because nobody knows whether it was, has the same Message-ID.
    """
    domain = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2]
    mail = EmailMultiAlternatives(
        row.subject,
        row.text,
        to=[row.to],
        reply_to=[row.reply_to] if row.reply_to else None,
        headers={"Message-ID": f"<{row.pk}@{domain}>"},
    )
    if row.calendar:
        mail.attach_alternative(row.calendar, f"text/calendar; method={row.method}")
        mail.attach("invite.ics", row.calendar.encode(), "application/ics")
    return mail
