"""Text messages and e-mails to people: codes and invitations, with texts that nobody can change.

The sender of text messages is a class that the setting SMS_SENDER names; the default one writes to
the file SMS_FILE. E-mails go as EMAIL_URL says: by default they are written to a folder.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Protocol

from django.conf import settings
from django.core.mail import send_mail
from django.utils import translation
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _

from foundation import clock

log = logging.getLogger("social.senders")


class TextSender(Protocol):
    """A way to send text messages to telephones."""

    def send(self, number: str, text: str) -> None:
        """Send a text to a number in the form of E.164. Raises OSError if that is not possible now."""


class FileSender:
    """Writes text messages to the file SMS_FILE, one a line: time, number, text."""

    def send(self, number: str, text: str) -> None:
        """Append the text message to the file."""
        path = Path(settings.SMS_FILE)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with path.open("a", encoding="utf-8") as file:
            file.write(f"{clock.now():%Y-%m-%dT%H:%M:%SZ}\t{number}\t{text}\n")
        path.chmod(0o600)


def send_code(number: str, code: str, language: str) -> None:
    """Send the code with which a person confirms a number."""
    with translation.override(language):
        text = _("Your code is %(code)s. Tell it to nobody.") % {"code": code}
    _send_text(number, text)


def send_invitation(to: str, name: str, link: str, language: str) -> None:
    """Send an invitation to a number (with +), or to an e-mail address."""
    with translation.override(language):
        subject = _("%(name)s invites you") % {"name": name}
        text = _("%(name)s invites you to talk to each other: %(link)s") % {
            "name": name,
            "link": link,
        }
    if to.startswith("+"):
        _send_text(to, text)
        return
    _send_mail(to, subject, text)


def send_password_link(to: str, name: str, link: str, language: str) -> None:
    """Send the link with which somebody chooses a new password to an e-mail address."""
    with translation.override(language):
        subject = _("Choose a new password")
        text = _("%(name)s, choose a new password here, within an hour: %(link)s") % {
            "name": name,
            "link": link,
        }
    _send_mail(to, subject, text)


def _send_mail(to: str, subject: str, text: str) -> None:
    """Send an e-mail. A mail server that fails is logged: the person asks for another e-mail."""
    try:
        send_mail(subject, text, None, [to])
    except OSError as error:
        log.warning("an e-mail was not sent: %s", error)


def _send_text(number: str, text: str) -> None:
    """Send a text message. A sender that fails is logged: the person asks for another message."""
    sender: TextSender = import_string(settings.SMS_SENDER)()
    try:
        sender.send(number, text)
    except OSError as error:
        log.warning("a text message was not sent: %s", error)
