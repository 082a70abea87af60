"""The Django app of calls, voicemail, contacts, circles and moments."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from foundation.bus.app_config import PlatformAppConfig, Timer


class SocialConfig(PlatformAppConfig):
    """The Django app in which people call each other, and share what they want to show (CONV)."""

    name = "social"
    verbose_name = _("Calls and people")
    timers = {
        "social.tasks.due_calls": Timer(1, "a call that nobody answers ends when its time is up"),
    }

    def connect(self) -> None:
        """Add the part of calls to the pages of people."""
        from foundation.web.page_parts import PAGE_PARTS
        from im.data.hooks import CALL_SIGNAL
        from social.flows.call_signals import handle_signal
        from social.pages.call_part import call_part

        PAGE_PARTS.connect(call_part)
        CALL_SIGNAL.connect(handle_signal)
