"""Define the texts of invitations to booked conferences, in the language that is active."""

from __future__ import annotations

from django.conf import settings
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from conferences.data.join_links import join_link
from conferences.rules.reservation import Happened, Invitation, Occurrence, Reservation
from wire.conference_settings import ConferenceSettings

MAX_SUBJECT = 128


def link_of(reservation: Reservation) -> str:
    """Return the address of the join page of a reservation. It works for all of its occurrences."""
    return f"{settings.PUBLIC_URL}{join_link(reservation.bookid, reservation.e164)}"


def describe(reservation: Reservation, conference: ConferenceSettings) -> str:
    """Return a text that says how to enter a booked conference: link, number, PIN, and how to call by telephone.

    `conference`: the settings of the occurrence (the single meeting).
    """
    lines = [
        _("Enter here: %(link)s") % {"link": link_of(reservation)},
        _("Number: %(number)s") % {"number": reservation.e164},
    ]
    if conference.password:
        lines.append(_("PIN: %(pin)s") % {"pin": conference.password})
    if settings.DIAL_IN:
        lines.append(_("By telephone: %(numbers)s") % {"numbers": settings.DIAL_IN})
    return "\n".join(lines)


def mail_text(invitation: Invitation) -> tuple[str, str]:
    """Return the subject and the text of a mail that tells of a new, changed or cancelled reservation."""
    reservation, occurrence = invitation.reservation, _shown_occurrence(invitation)
    conference = (occurrence and occurrence.settings) or reservation.settings
    names = {"name": conference.name, "booker": reservation.booker.name or _("Somebody")}
    subject, sentence = {
        Happened.CREATED: (_("Invitation: %(name)s"), _("%(booker)s invites you to “%(name)s”.")),
        Happened.CHANGED: (_("Changed: %(name)s"), _("%(booker)s has changed “%(name)s”.")),
        Happened.CANCELLED: (_("Cancelled: %(name)s"), _("%(booker)s has cancelled “%(name)s”.")),
    }[invitation.happened]
    lines = [sentence % names, _time_text(reservation, occurrence)]
    if reservation.repeat:
        is_single_date = invitation.occurrence is not None
        series = _("It is repeated; the calendar in this mail has all dates.")
        lines.append(_("This is about this date alone.") if is_single_date else series)
    if invitation.happened is not Happened.CANCELLED:
        lines += ["", describe(reservation, conference)]
    return (subject % names)[:MAX_SUBJECT], "\n".join(lines) + "\n"


def _shown_occurrence(invitation: Invitation) -> Occurrence | None:
    """Return the single meeting (occurrence) whose time and settings a mail shows.

    `None` means those of the whole series.
    """
    if invitation.occurrence is not None or invitation.reservation.repeat:
        return invitation.occurrence
    return next(iter(invitation.occurrences), None)


def _time_text(reservation: Reservation, occurrence: Occurrence | None) -> str:
    """Return the text that says when a conference begins and how long it lasts, on the clock of the booking's zone.

    `occurrence`: the single meeting; `None` means the reservation's first.
    """
    starts_at = occurrence.starts_at if occurrence else reservation.starts_at
    conference = (occurrence and occurrence.settings) or reservation.settings
    local = starts_at.astimezone(reservation.zone).replace(tzinfo=None)
    words = {
        "start": date_format(local, "DATETIME_FORMAT"),
        "zone": reservation.zone.key,
        "minutes": conference.duration,
    }
    return _("%(start)s (%(zone)s), %(minutes)s minutes") % words
