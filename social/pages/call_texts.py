"""Define the translated texts that the scripts of calls show."""

from __future__ import annotations

from django.utils.translation import gettext as _

from conferences.pages.join_texts import join_texts

_OF_TILES = ("participant", "you", "picture_of", "muted", "one_person", "people", "mute", "unmute")


def for_script() -> dict[str, str]:
    """Return the texts that the scripts of calls show: name of the text -> text in the language of the request."""
    of_join_page = join_texts()
    return {
        **{name: of_join_page[name] for name in _OF_TILES},
        "calls_you": _("%(name)s is calling"),
        "calling": _("Calling…"),
        "ringing": _("It rings…"),
        "connecting": _("Connecting…"),
        "lost": _("The connection is lost. You will be back in a moment."),
        "listening": _("You can listen; there is no microphone."),
        "camera_on": _("Camera on"),
        "camera_off": _("Camera off"),
        "answered_elsewhere": _("Answered on another device."),
        "declined": _("%(name)s has declined."),
        "busy": _("%(name)s is in another call."),
        "no_answer": _("%(name)s does not answer."),
        "cancelled": _("%(name)s has given up."),
        "unreachable": _("%(name)s is not online."),
        "failed": _("The call failed. Try again in a moment."),
        "hung_up": _("The call has ended."),
        **_voicemail_texts(),
    }


def _voicemail_texts() -> dict[str, str]:
    """Return the scripts' texts about voicemail: name of the text -> text in the language of the request."""
    return {
        "voicemail": _("Voicemail"),
        "voicemail_of": _("Voicemail from %(name)s"),
        "leave_message": _("Leave a message"),
        "send_message": _("Send the message"),
        "message_left": _("Your message is left."),
        "greeting_plays": _("The greeting is played."),
        "recording": _("Recording %(time)s"),
        "too_short": _("That was too short. Speak for at least 3 seconds."),
        "no_microphone": _("There is no microphone, or the page may not use it."),
        "greeting": _("Greeting"),
        "record_greeting": _("Record a greeting"),
        "keep_greeting": _("Use this greeting"),
    }
