"""The Django app of calls, voicemail, contacts, circles and posts (moments)."""

from __future__ import annotations

from collections.abc import Sequence

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from foundation.bus.app_config import (
    MenuEntry,
    PlatformAppConfig,
    SidebarGroup,
    Timer,
    model_entry,
)


class SocialConfig(PlatformAppConfig):
    """The Django app of calls, voicemail, contacts, circles and posts (moments) (CONV)."""

    name = "social"
    verbose_name = _("Calls and people")
    timers = {
        "social.tasks.due_calls": Timer(1, "a call that nobody answers ends when its time is up"),
        "social.tasks.send_texts": Timer(2, "who asked for a code waits for it", alone=True),
        "social.tasks.tidy_people": Timer(3600, "old invitations and counts of days are not kept"),
    }

    rights = """
outgoing text | social.outgoingtext | v.... | v.... | v.... | ..... | the platform of this site; not what it says
"""

    def menu_entries(self) -> Sequence[MenuEntry]:
        """Return the entries of this app's pages in the menu of people's pages; none without instant messages."""
        if "im" not in settings.ROLES:
            return ()
        return (
            MenuEntry(30, _("Moments"), "social-moments"),
            MenuEntry(40, _("Circles"), "social-circles"),
            MenuEntry(50, _("Contacts"), "social-contacts"),
            MenuEntry(60, _("Album"), "social-album"),
            MenuEntry(70, _("Profile"), "social-profile"),
        )

    def sidebar(self) -> Sequence[SidebarGroup]:
        """Return the sidebar's link to the administrators' page of texts."""
        texts = model_entry(_("Text messages and e-mails"), "sms", "social", "outgoingtext")
        return (SidebarGroup(55, _("People"), (texts,)),)

    def connect(self) -> None:
        """Connect this app to the hooks of other apps: page parts, called terminals, mails, files, finding people."""
        from conferences.data.hooks import MAILS_CAUSED, STORE_MAILS, TERMINALS_CALLED
        from foundation.web import findings, health
        from foundation.web.page_parts import PAGE_PARTS
        from im.data import hooks
        from social.data import calendar_mails, file_uses, finding, label_queries, mail_health
        from social.flows.call_signals import handle_signal
        from social.flows.conference_calls import ring_people
        from social.pages.call_part import call_part

        PAGE_PARTS.connect(call_part)
        TERMINALS_CALLED.connect(ring_people)
        STORE_MAILS.connect(calendar_mails.store_mails)
        MAILS_CAUSED.connect(calendar_mails.count_caused)
        health.GAUGES.append(mail_health.gauges)
        findings.MORE_FINDINGS.connect(mail_health.findings)
        hooks.CALL_SIGNAL.connect(handle_signal)
        hooks.FILE_READERS.connect(file_uses.readable_files)
        hooks.MAY_FIND.connect(finding.lets_find)
        hooks.PRESENCE_HIDDEN.connect(label_queries.hidden_presence)
