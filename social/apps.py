"""The Django app of calls, voicemail, contacts, circles and moments."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from foundation.bus.app_config import PlatformAppConfig


class SocialConfig(PlatformAppConfig):
    """The Django app in which people call each other, and share what they want to show (CONV)."""

    name = "social"
    verbose_name = _("Calls and people")
