"""Define the administrators' page of text messages and e-mails: recipient, subject and result, but not the text."""

from __future__ import annotations

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from foundation.web.admin_base import ReadOnlyAdmin
from foundation.web.scoping import SITE
from social.models import OutgoingText


@admin.register(OutgoingText)
class OutgoingTextAdmin(ReadOnlyAdmin[OutgoingText]):
    """The admin page lists the text messages and e-mails of the last days."""

    scope = (SITE,)
    empty_words = _("Codes, invitations and links to people are listed here for a week.")
    list_display = ["to", "subject", "created_at", "sent_at", "tries", "error"]
    search_fields = ["^to"]
    ordering = ["-id"]
    fields = ["to", "subject", ("created_at", "sent_at"), ("tries", "due_at"), "error"]
