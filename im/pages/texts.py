"""Define the texts of the chat page's scripts, translated."""

from __future__ import annotations

from django.utils.translation import gettext as _


def for_script() -> dict[str, str]:
    """Return all texts of the chat page: the name that its scripts use -> the text in the language of the request."""
    return {**_people_texts(), **_message_texts(), **_connection_texts()}


def _people_texts() -> dict[str, str]:
    """Return the chat page's texts about people and groups: the name that the scripts use -> the text."""
    return {
        "you": _("You"),
        "online": _("online"),
        "away_": _("away"),
        "busy": _("busy"),
        "offline": _("offline"),
        "members": _("%(n)s members"),
        "owner": _("owner"),
        "admin": _("administrator"),
        "invited": _("invited"),
        "asked": _("asks to join"),
        "typing": _("%(name)s is writing…"),
        "typing_many": _("Several people are writing…"),
        "created": _("%(name)s created the group."),
        "added": _("%(name)s added %(others)s."),
        "joined": _("%(name)s joined."),
        "left": _("%(name)s left."),
        "removed": _("%(name)s removed %(others)s."),
        "invited_by": _("%(name)s invited %(others)s."),
        "asked_in": _("%(name)s asks to join."),
        "renamed": _("%(name)s named the group “%(new)s”."),
        "changed": _("%(name)s changed the group."),
        "dissolved": _("%(name)s dissolved the group."),
        "pinned": _("%(name)s pinned a message."),
        "invitation": _("You are invited."),
        "accept": _("Join"),
        "decline": _("Decline"),
        "remove": _("Remove"),
        "nobody": _("Nobody signs in with the name “%(name)s”, or you may not write to them."),
        "and_more": _("%(names)s and %(n)s more"),
    }


def _message_texts() -> dict[str, str]:
    """Return the chat page's texts about messages and files: the name that the scripts use -> the text."""
    return {
        "recalled": _("This message was taken back."),
        "edited": _("edited"),
        "sending": _("being sent"),
        "sent": _("sent"),
        "read": _("read"),
        "read_by": _("read by %(n)s"),
        "not_sent": _("Not sent: %(why)s"),
        "again": _("Send again"),
        "discard": _("Discard"),
        "image": _("Picture"),
        "voice": _("Voice message"),
        "voicemail": _("Voicemail"),
        "call_missed": _("Missed call"),
        "call_missed_from": _("Missed call from %(name)s"),
        "call_unanswered": _("Your call was not answered."),
        "call_lasted": _("Call, %(time)s"),
        "call_ended": _("Call ended"),
        "file": _("File"),
        "answer_to": _("Answer to %(name)s"),
        "editing": _("Change your message"),
        "reply": _("Reply"),
        "react": _("React"),
        "edit": _("Edit"),
        "recall": _("Take back"),
        "hide": _("Delete for me"),
        "download": _("Download"),
        "uploading": _("%(name)s: %(percent)s %%"),
        "upload_failed": _("%(name)s could not be sent: %(why)s"),
        "too_large": _("%(name)s is too large; at most %(most)s are taken."),
        "no_microphone": _("There is no microphone, or the page may not use it."),
        "recording": _("Recording %(time)s"),
        "full": _("Too much waits to be sent. Try again when the line is back."),
        "new_messages": _("%(n)s new"),
        "booking_created": _("“%(name)s” is booked for %(when)s."),
        "booking_changed": _("The booked conference “%(name)s”, %(when)s, was changed."),
        "booking_cancelled": _("The booked conference “%(name)s”, %(when)s, was cancelled."),
        "booking_starting": _("“%(name)s” begins now."),
        "booking_failed": _("“%(name)s” could not be started at %(when)s."),
        "nothing_found": _("Nothing found."),
        "today": _("Today"),
        "yesterday": _("Yesterday"),
    }


def _connection_texts() -> dict[str, str]:
    """Return the chat page's texts about the connection to the platform: the name that the scripts use -> the text."""
    return {
        "connecting": _("Connecting…"),
        "lost": _("No connection. What you write is sent when it is back."),
        "away": _("The platform does not answer. Still trying."),
        "signed_out": _("You are signed out. Reload the page and sign in again."),
    }
