"""Instant messaging as a Django app."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from foundation.bus.app_config import (
    MenuEntry,
    PlatformAppConfig,
    SidebarGroup,
    Timer,
    model_entry,
)

if TYPE_CHECKING:
    from foundation.bus.consumer import Consumer
    from foundation.bus.relay import Relay


class ImConfig(PlatformAppConfig):
    """Define the Django app that stores people's messages in order and never loses one."""

    name = "im"
    verbose_name = "Instant messaging"
    roles = frozenset({"im"})
    timers = {
        "im.tasks.revoked": Timer(1, "who is signed out is out within 5 s, under every protocol"),
        "im.tasks.gather": Timer(2, "who comes into a conference soon sees its conversation"),
        "im.tasks.index": Timer(1, "what was said is found 2 s later"),
        "im.tasks.drop_files": Timer(
            300, "uploads that no message carries go after a day, 1,000 at once"
        ),
        "im.tasks.tidy": Timer(10, "clients' queues that are not as they may be are deleted soon"),
    }
    rights = """
conversation | im.conversation | v...o | v...o | v...o | v...o | its creator's domain; operate: close, open; no messages
person online | im.listener | v...o | v...o | v...o | v...o | its domain; operate: sign out everywhere
broadcast         | im.broadcast            | va... | va...   | va...    | va... | the domain that is told; add: tell it
load balancer     | im.balanceserver        | vacd. | vacd.   | vacd.    | ..... | the platform of this site
media server      | im.mediaserver          | vacd. | vacd.   | vacd.    | ..... | the platform of this site
plugin | im.plugin | v...o | v...o | v...o | ..... | the platform of this site; operate: switch on and off
"""

    def connect(self) -> None:
        """Connect this app's functions to the hooks by which other apps call them, at a site with instant messages."""
        from domains.data import hooks
        from foundation.backup import parts
        from foundation.bus import backlog, declare
        from foundation.web import findings, health
        from im.data import backup_parts, broker, call_messages, conference_joins, journal, search
        from im.data import health as im_health
        from im.data.plugins import health as plugin_health
        from im.flows import call_chat, personal_notices, revoke
        from im.pages import chat_page

        if "im" in settings.ROLES:
            hooks.REVOKE_CREDENTIALS.connect(revoke.revoke_all)
            hooks.PERSONAL_NOTICES.connect(personal_notices.stage_personal)
            hooks.PERSON_JOINED.connect(conference_joins.record_join)
            hooks.CHAT_OF.connect(chat_page.address_in_conference)
            hooks.CHAT_LAST_SEQ.connect(call_messages.last_seq)
            hooks.READ_CHAT.connect(call_messages.messages_after)
            hooks.WRITE_CHAT.connect(call_chat.write_from_call)
            backlog.OTHER_DESTINATIONS.add(journal.DESTINATION)
            declare.MORE_BROKERS.connect(broker.declare_and_limit)
            parts.BROKERS.connect(backup_parts.brokers)
            parts.FOLDERS.connect(backup_parts.folders)
            health.GAUGES += [search.gauges, im_health.gauges, plugin_health.gauges]
            findings.MORE_FINDINGS.connect(im_health.findings)
            findings.MORE_FINDINGS.connect(plugin_health.findings)

    def sidebar(self) -> Sequence[SidebarGroup]:
        """Return the sidebar's links to the administrators' pages of instant messaging."""
        entries = (
            model_entry(_("Conversations"), "forum", "im", "conversation"),
            model_entry(_("People online"), "person_check", "im", "listener"),
            model_entry(_("Broadcasts"), "campaign", "im", "broadcast"),
            model_entry(_("Load balancers"), "alt_route", "im", "balanceserver"),
            model_entry(_("Media servers"), "perm_media", "im", "mediaserver"),
            model_entry(_("Plugins"), "extension", "im", "plugin"),
        )
        return (SidebarGroup(50, _("Instant messages"), entries),)

    def menu_entries(self) -> Sequence[MenuEntry]:
        """Return the entry of the chat page in the menu of people's pages; none at a site without instant messages."""
        return (MenuEntry(20, _("Messages"), "chat"),) if "im" in settings.ROLES else ()

    def health_checks(self) -> Mapping[str, Callable[[], str]]:
        """Return the health check that fails when people's messages are no longer stored."""
        from im.data import health

        return {"messages": health.why_stalled} if "im" in settings.ROLES else {}

    def threads(self) -> Sequence[Consumer | Relay]:
        """Return the threads that publish at the clients' broker what HTTP calls have stored in the outbox.

        There is one for each platform whose data this site may have. None at a site without instant messages.
        """
        from foundation.bus.link import PeerLink
        from foundation.cells.directory import possible_platforms, store_of
        from im.data.journal import DESTINATION

        if "im" not in settings.ROLES:
            return ()
        return [
            PeerLink(store_of(platform), DESTINATION, settings.IM_AMQP_URL, lenient=True)
            for platform in possible_platforms()
        ]
