"""Define the texts of the pages on which people hold conferences: refusals with advice, states, times."""

from __future__ import annotations

from datetime import datetime
from math import ceil

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from conferences.api.commands import NO_CONFERENCE, Nack
from conferences.rules.polls import GUEST_MARK
from conferences.rules.states import Conference, ConferenceState, EndReason
from foundation.web.errors import Refusal
from wire.error_codes import Err

_TEXT_OF_CODE: dict[str, Promise] = {
    Err.UNKNOWN_DOMAIN: gettext_lazy(
        "This site does not know your domain yet. Try again in a minute; if it stays so, tell your"
        " administrator."
    ),
    Err.DOMAIN_DISABLED: gettext_lazy(
        "Your domain is disabled, or one above it: it holds no new conferences. Ask your"
        " administrator to enable it."
    ),
    Err.NOT_SERVED: gettext_lazy(
        "Your domain's conferences are not held at this site. Ask your administrator which one is"
        " yours."
    ),
    Err.SERVICE_STOPPED: gettext_lazy("This site has stopped its service. Try again later."),
    Err.SMALL_LIMIT: gettext_lazy(
        "The licence is full: no further conference of up to 8 places. End one that is no longer"
        " needed, or ask your administrator for a larger licence."
    ),
    Err.LARGE_LIMIT: gettext_lazy(
        "The licence is full: no further conference of more than 8 places. End one that is no"
        " longer needed, choose 8 places, or ask your administrator for a larger licence."
    ),
    Err.DOMAIN_LIMIT: gettext_lazy(
        "Your domain holds as many conferences as it may. End one that is no longer needed, or ask"
        " your administrator for more."
    ),
    Err.NAME_TAKEN: gettext_lazy("This name is taken already. Choose another one."),
    Err.NUMBER_TAKEN: gettext_lazy("This number is taken already. Choose another one."),
    Err.NOT_FOUND: gettext_lazy("It is there no more. Reload the page."),
    Err.LICENCE: gettext_lazy(
        "There is no valid licence here. Ask your administrator to import one."
    ),
    Err.NO_HD: gettext_lazy("Your domain may not use full HD. Choose 720p."),
    Err.DURATION: gettext_lazy(
        "That is too long, or it has no end to be moved: a conference lasts 7 days at most."
    ),
    Err.NO_CONFERENCE: gettext_lazy("This conference has ended."),
    Err.WRONG_STATE: gettext_lazy(
        "The conference is being started or moved. Try again in a few seconds."
    ),
    Err.NOT_PERMITTED: gettext_lazy("This conference belongs to another domain."),
    Err.NO_RESOURCE: gettext_lazy(
        "No media unit has room for it now. Try again in a few minutes, choose fewer places, or ask"
        " your administrator for another media unit."
    ),
    Err.RMS_ERROR: gettext_lazy("The media units do not answer. Try again in a minute."),
    Err.RMS_SILENT: gettext_lazy("The media units do not answer. Try again in a minute."),
    Err.UNIT_SILENT: gettext_lazy("The media unit does not answer. Try again in a minute."),
}

_TEXT_OF_FIELD: dict[str, Promise] = {
    "name": gettext_lazy(
        "The name needs 1 to 64 bytes, none of % & * ^ ~ ' \" ? / \\ < > | ` $, and no _ - . @ at"
        " either end."
    ),
    "password": gettext_lazy("A password has at most 16 letters, digits, _ and ."),
    "max_join_mt": gettext_lazy("Choose 8, 32, 64 or 192 places."),
    "duration": gettext_lazy("The duration is a whole number of minutes."),
    "start_time": gettext_lazy("The time lies in the past, or is none. Choose another."),
    "timezone": gettext_lazy("This time zone is not known. Choose one of the list."),
    "guests": gettext_lazy(
        "One of the guests is no e-mail address such as anna@example.org, or there are more than"
        " 100."
    ),
    "repeat": gettext_lazy(
        "The conference cannot be repeated like this. Choose a day that the rule falls on."
    ),
}

_TEXT_OF_STATE: dict[ConferenceState, Promise] = {
    ConferenceState.CREATING: gettext_lazy("being started"),
    ConferenceState.RUNNING: gettext_lazy("running"),
    ConferenceState.PENDING_RESTORE: gettext_lazy("waiting for a media unit"),
    ConferenceState.RESTORING: gettext_lazy("moving"),
    ConferenceState.ENDED: gettext_lazy("ended"),
}

_TEXT_OF_END: dict[str, Promise] = {
    EndReason.RELEASED: gettext_lazy("It was ended."),
    EndReason.EXPIRED: gettext_lazy("Its time was over."),
    EndReason.AUTO_END: gettext_lazy("Everybody had left."),
    EndReason.CREATE_FAILED: gettext_lazy("It could not be started."),
    EndReason.MCU_LOST: gettext_lazy("Its media unit failed."),
    EndReason.DOMAIN_DISABLED: gettext_lazy("Your domain was disabled, or one above it."),
}


def refusal_text(refusal: Refusal) -> str:
    """Return a text for people that says why their request was refused, and what to do.

    For a refusal without a text of its own it contains the description of the refusal.
    """
    if isinstance(refusal, Nack) and refusal.description.startswith("guests: "):
        return _("So many mails cannot be sent within an hour. Invite fewer people, or later.")
    if isinstance(refusal, Nack) and refusal.errcode in _TEXT_OF_CODE:
        return str(_TEXT_OF_CODE[refusal.errcode])
    if refusal.error_code == NO_CONFERENCE:
        return str(_TEXT_OF_CODE[Err.NO_CONFERENCE])
    is_about_field = not isinstance(refusal, Nack) or refusal.errcode == Err.MALFORMED
    if is_about_field and (text := _TEXT_OF_FIELD.get(refusal.description.partition(":")[0])):
        return str(text)
    return _("It was refused: %(why)s") % {"why": refusal.description}


def state_text(conference: Conference) -> str:
    """Return the state of a conference in words."""
    return str(_TEXT_OF_STATE[conference.state])


def end_text(conference: Conference) -> str:
    """Return a text that says why a conference has ended; "" for a reason that this release does not know."""
    return str(_TEXT_OF_END.get(conference.end_reason, ""))


def time_left_text(conference: Conference, now: datetime) -> str:
    """Return in words how long a conference still lasts after `now`."""
    if conference.ends_at is None:
        return _("until it is ended")
    minutes = max(0, ceil((conference.ends_at - now).total_seconds() / 60))
    if minutes < 60:
        return _("%(minutes)d min left") % {"minutes": minutes}
    hours, minutes = divmod(minutes, 60)
    return _("%(hours)d h %(minutes)02d min left") % {"hours": hours, "minutes": minutes}


def people_text(present: int, places: int) -> str:
    """Return in words how many people are in a conference (`present`), and how many places it has."""
    return _("%(there)d of %(places)d people") % {"there": present, "places": places}


def voter_text(name: str) -> str:
    """Return the stored name of a voter with the mark of guests in the language of the request; others as they are."""
    typed_name = name.removesuffix(GUEST_MARK)
    return name if typed_name == name else _("%(name)s (guest)") % {"name": typed_name}


def creator_text(name: str) -> str:
    """Return in words that a person with this name created it; "" if the name is empty."""
    return _("by %(name)s") % {"name": name} if name else ""


def script_texts() -> dict[str, str]:
    """Return the texts that the script of the conferences page shows, by name."""
    return {
        "started": _("“%(name)s” runs."),
        "starting": _("“%(name)s” is being started."),
        "failed": _("“%(name)s” could not be started. Try again in a few minutes."),
        "ended": _("“%(name)s” has ended."),
        "copied": _("The link is copied. Whoever has it can join."),
        "copy": _("Copy this link:"),
        "end": _("End “%(name)s” for everybody?"),
        "away": _("The platform does not answer. Still trying."),
        "more": _("%(shown)s of %(total)s conferences are shown."),
        "mute": _("Mute"),
        "unmute": _("Unmute"),
        "lock": _("Lock"),
        "unlock": _("Unlock"),
        "lobby_on": _("Lobby on"),
        "lobby_off": _("Lobby off"),
        "guest": _("Guest"),
        "done": _("Done."),
    }
