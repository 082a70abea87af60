"""The functions store text messages and e-mails to people as rows, with fixed wording; a timer sends the rows.

So a text is sent if its transaction was committed, also after a crash, and from the site that serves
the platform then.
"""

from __future__ import annotations

from django.utils import translation
from django.utils.translation import gettext as _

from foundation import clock
from foundation.cells.directory import PlatformStore
from social.models import OutgoingText


def stage_code(store: PlatformStore, number: str, code: str, language: str) -> None:
    """Store the text message with the code by which a person confirms a telephone number; a timer sends it."""
    with translation.override(language):
        text = _("Your code is %(code)s. Tell it to nobody.") % {"code": code}
    _stage(store, number, "", text)


def stage_invitation(store: PlatformStore, to: str, name: str, link: str, language: str) -> None:
    """Store the message with an invitation's link, to a number (with +) or an e-mail address; a timer sends it."""
    with translation.override(language):
        subject = _("%(name)s invites you") % {"name": name}
        text = _("%(name)s invites you to talk to each other: %(link)s") % {
            "name": name,
            "link": link,
        }
    _stage(store, to, subject, text)


def stage_password_link(store: PlatformStore, to: str, name: str, link: str, language: str) -> None:
    """Store the e-mail with the link by which somebody chooses a new password; a timer sends it."""
    with translation.override(language):
        subject = _("Choose a new password")
        text = _("%(name)s, choose a new password here, within an hour: %(link)s") % {
            "name": name,
            "link": link,
        }
    _stage(store, to, subject, text)


def _stage(store: PlatformStore, to: str, subject: str, text: str) -> None:
    """Store a message to a number or an e-mail address, which is to be sent now."""
    now = clock.now()
    OutgoingText(to=to, subject=subject, text=text, created_at=now, due_at=now).save(
        using=store.database, force_insert=True
    )
