"""The rules that say who is invited to a booked conference, and who gets which mail when it changes. Pure functions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from conferences.rules.create import CreateRefusal
from conferences.rules.reservation import Happened, Invitation, Invitee, Occurrence, Reservation
from wire.error_codes import Err
from wire.reservations import BookingFields, Guest


def names_to_look_up(
    reservation: Reservation, request: BookingFields, before: Reservation | None
) -> list[str]:
    """Return the names by which accounts of the user domain may be found: of booker, members and guests."""
    members = [terminal.account for terminal in reservation.settings.mts]
    guests = [guest.email for guest in _requested_guests(request, before)]
    return list(dict.fromkeys(filter(None, [reservation.creator_moid, *members, *guests])))


def with_invited(
    reservation: Reservation,
    request: BookingFields,
    before: Reservation | None,
    accounts: Mapping[str, Invitee],
) -> Reservation:
    """Return the reservation with the people whom a request invites.

    `before`: the reservation before the request; its guests stay if the request names none. `accounts`: the accounts
    of the tenant by the names of `names_to_look_up`. The booker is not invited again, and nobody twice.
    """
    booker = accounts.get(reservation.creator_moid) or Invitee(name=reservation.creator_name)
    language = (before.booker.language if before else "") or request.language or ""
    booker = msgspec.structs.replace(booker, language=language)
    guests = (
        _as_invitee(guest, accounts.get(guest.email))
        for guest in _requested_guests(request, before)
    )
    members = (accounts.get(terminal.account) for terminal in reservation.settings.mts)
    invited: dict[str, Invitee] = {}
    for person in (*guests, *members):
        if person is not None and person.key not in (booker.key, ""):
            invited.setdefault(person.key, person)
    return msgspec.structs.replace(reservation, booker=booker, invited=tuple(invited.values()))


def _requested_guests(request: BookingFields, before: Reservation | None) -> Sequence[Guest]:
    """Return the guests that a request names, or those of the reservation before the request if it names none."""
    if request.guests is not None:
        return request.guests
    return [
        Guest(email=person.email, name=person.name or None, language=person.language or None)
        for person in (before.invited if before else ())
        if person.is_guest
    ]


def _as_invitee(guest: Guest, account: Invitee | None) -> Invitee:
    """Return a guest (a person named by an address) as an invited person.

    `account`: the account of the user domain that has the guest's address; `None` if none has.
    """
    return Invitee(
        email=guest.email,
        name=guest.name or (account.name if account else ""),
        account=account.account if account else "",
        language=guest.language or "",
        is_guest=True,
    )


# ---- which mails follow from a change ------------------------------------------------------------


def mails_of_change(
    before: Reservation | None, after: Reservation, occurrences: Sequence[Occurrence]
) -> list[Invitation]:
    """Return the mails about a new reservation (`before` is `None`), or about a changed one.

    People who were not invited before get an invitation, those who no longer are a cancellation, and all others an
    update if something has changed that calendars show. `occurrences`: all that are known; those that were moved,
    changed or cancelled by themselves are in the mail.
    """
    old = {person.key: person for person in _with_address(before)}
    new = {person.key: person for person in _with_address(after)}
    exceptions = tuple(occurrence for occurrence in occurrences if occurrence.is_exception)
    kept = [person for key, person in new.items() if key in old]
    groups = [
        (Happened.CREATED, [person for key, person in new.items() if key not in old]),
        (Happened.CHANGED, kept if before and _as_shown(before) != _as_shown(after) else []),
        (Happened.CANCELLED, [person for key, person in old.items() if key not in new]),
    ]
    return [
        Invitation(happened, after, people, exceptions) for happened, people in groups if people
    ]


def mails_of_occurrence(
    happened: Happened, reservation: Reservation, occurrence: Occurrence
) -> list[Invitation]:
    """Return the mails about one meeting (occurrence) of a reservation that has changed, or was cancelled, by itself.

    [] if nobody who is invited has an address.
    """
    people = tuple(_with_address(reservation))
    single = occurrence if reservation.repeat else None
    return [Invitation(happened, reservation, people, (occurrence,), single)] if people else []


def mails_of_cancellation(reservation: Reservation) -> list[Invitation]:
    """Return the mails about a reservation that was cancelled as a whole; [] if no invited person has an address."""
    people = tuple(_with_address(reservation))
    return [Invitation(Happened.CANCELLED, reservation, people)] if people else []


def refuse_too_many_mails(
    invitations: Sequence[Invitation], mails_left: int | None
) -> CreateRefusal | None:
    """Return why the mails about a new or changed reservation may not be sent; `None` if they may.

    `mails_left`: how many the person may still cause in this hour; `None` means any number. Cancellations are always
    told.
    """
    count = sum(len(mail.to) for mail in invitations if mail.happened is not Happened.CANCELLED)
    if mails_left is None or count <= mails_left:
        return None
    words = f"guests: {count} mails would be sent, and {max(0, mails_left)} are left in this hour"
    return CreateRefusal(Err.DOMAIN_LIMIT, f"{words}; invite fewer people, or later")


def _with_address(reservation: Reservation | None) -> Iterator[Invitee]:
    """Yield the people who are invited to a reservation and have an e-mail address; nobody for `None`."""
    return (person for person in (reservation.invited if reservation else ()) if person.email)


def _as_shown(reservation: Reservation) -> tuple[object, ...]:
    """Return the values of a reservation that invitations show: if they are unchanged, no mail is needed."""
    settings = reservation.settings
    return (
        *(settings.name, settings.duration, settings.password, reservation.e164),
        *(reservation.starts_at, reservation.timezone, reservation.repeat),
    )
