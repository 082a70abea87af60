"""Define the unit of work of the conferences: all that a flow may read, write and send in one transaction.

`database_unit_of_work` implements it on MariaDB, `tests/memory.py` in memory.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from conferences.rules.capacity import Capacity, Span
from conferences.rules.create import AllocatedNumber, CreateRefusal, Tenant
from conferences.rules.decision import Decision
from conferences.rules.listing import ListPage
from conferences.rules.registry import Notice
from conferences.rules.reservation import (
    OPEN_STATES,
    BookingDecision,
    Invitation,
    Invitee,
    Occurrence,
    OccurrenceState,
    Reservation,
)
from conferences.rules.states import Conference, Unit
from conferences.rules.stored import OthersOfKind, StoredConference
from domains.rules.personal_notices import PersonalNotice
from foundation.bus.outgoing import Event, Outgoing
from licensing.rules.amounts import Amounts
from wire.number_registry import RegisteredNumber
from wire.resource_pool import ResourcesGranted, ResourcesRefused


class StoredUnitOfWork(Protocol):
    """The templates and virtual rooms of one platform, as one transaction reads and writes them."""

    def find(self, stored_id: str) -> StoredConference | None:
        """Lock and return the template or virtual room with this id; `None` means there is none."""

    def others(self, stored: StoredConference) -> OthersOfKind:
        """Return whether another template or virtual room has the name of this one, and how many its owner has."""

    def save(self, before: StoredConference | None, after: StoredConference) -> None:
        """Write a new template or virtual room (`before` is `None`), or a changed one."""

    def delete(self, stored: StoredConference) -> None:
        """Delete the row of a template or virtual room."""


class InvitationMailsUnitOfWork(Protocol):
    """The people who are invited to booked conferences, and the mails to them, within one transaction."""

    def accounts_of(self, user_domain: str, names: Sequence[str]) -> Mapping[str, Invitee]:
        """Return the accounts of a user domain by these names: sign-in names (also e-mail addresses), or MOIDs."""

    def left(self, reservation: Reservation) -> int | None:
        """Return how many mails the booker of a reservation may still cause in this hour; `None` means any number."""

    def add(self, invitation: Invitation) -> None:
        """Stage mails to invited people, which are sent once the transaction has committed."""


class ReservationsUnitOfWork(Protocol):
    """The reservations of one platform, as one transaction reads and writes them."""

    def load(self, bookid: str) -> Reservation | None:
        """Lock and return the reservation with this id, even if it is over or cancelled; `None` means there is none."""

    def occurrences_of(self, bookid: str) -> list[Occurrence]:
        """Lock and return a reservation's occurrences by their start, without closed ones that ended over a day ago."""

    def count_of_domain(self, user_domain: str, limit: int) -> int:
        """Return how many live reservations a user domain has, counted up to `limit`."""

    def count_occurrences_of(self, creator: str, except_bookid: str, limit: int) -> int:
        """Return how many planned occurrences an account has, at most `limit`, without those of `except_bookid`."""

    def booked(
        self,
        windows: Sequence[Span],
        except_of: str = "",
        states: Sequence[OccurrenceState] = OPEN_STATES,
    ) -> list[Span]:
        """Return the spans (time and places) of all occurrences in these states that overlap with any of the windows.

        The occurrences of the reservation `except_of` are left out.
        """

    def running_after(self, moment: datetime, except_confid: str) -> list[Span]:
        """Return until when live conferences that end after a moment need places, except the one with this id."""

    def usual_load(self) -> dict[int, float]:
        """Return hour of the week (0 to 167) -> places that conferences without a reservation usually use then."""

    def capacity(self) -> Capacity | None:
        """Return the capacity of the media units of this site; `None` means that no unit is known."""

    @property
    def mails(self) -> InvitationMailsUnitOfWork:
        """Return the part of the transaction for the people who are invited, and for the mails to them."""

    def save(self, decision: BookingDecision) -> None:
        """Stage a reservation and occurrences that a decision changes or removes.

        They are written when the transaction ends.
        """

    def notify(self, notice: PersonalNotice) -> None:
        """Stage a notice to a person, who gets it once the transaction has committed."""


class RegistryUnitOfWork(Protocol):
    """The number registry (UPU) of this site, which knows who has each number, within one transaction."""

    def stage(self, notice: Notice, now: datetime) -> None:
        """Stage the number registry's entry of a number as a scheduler's notice describes it; the end writes it."""

    def find(self, e164: str) -> tuple[RegisteredNumber, ...]:
        """Return the number registry's entries of a number; that of a running conference comes first."""


class ConferencesUnitOfWork(Protocol):
    """The conferences of one platform, as one transaction reads and writes them."""

    @property
    def now(self) -> datetime:
        """Return the time of the transaction, by the clock of the database."""

    @property
    def own_site(self) -> str:
        """Return the platform of this site, on whose media units conferences are placed."""

    @property
    def serving(self) -> frozenset[str]:
        """Return the platforms whose requests this site handles now."""

    def load(self, e164: str) -> Conference | None:
        """Lock and return the live conference with this number; `None` means there is none."""

    def hosted_on(self, unit: Unit) -> Sequence[Conference]:
        """Lock and return all live conferences that are assigned to a media unit."""

    def find_unlocked(self, unit: Unit, numbers: Sequence[str]) -> dict[str, Conference]:
        """Return number -> live conference, without locks, of those on a media unit or with one of these numbers."""

    def collect_list_parts(
        self, unit: Unit, listid: str, part: int, part_count: int, numbers: Sequence[str]
    ) -> frozenset[str] | None:
        """Keep part number `part` of a unit's list; return the numbers of all parts once all came, else `None`."""

    def site_of_unit(self, reply: ResourcesGranted | ResourcesRefused) -> str:
        """Return the site whose broker reaches the media unit that the resource manager (RMS) names.

        It is the site that the reply names, if we have a link to it, else this site.
        """

    def tenant(self, moid: str) -> Tenant | None:
        """Return the facts that decide whether a user domain may create conferences; `None`: no such domain."""

    def http_url_of(self, platform: str) -> str:
        """Return the HTTP address of a platform's own site; "" if its domain names none."""

    def refuse_by_licence(self, tenant: Tenant, places: int) -> CreateRefusal | None:
        """Return why licence or domain allow no further conference with so many places; `None` if they allow it."""

    def missing_resource(self, required: Amounts, *, locked: bool = False) -> str:
        """Return the first licensed resource of which fewer than `required` are left; "" if none.

        `locked`: the counts are locked, so that no other transaction uses more before this one ends.
        """

    def why_no_monitor_at(self, ip: str) -> str:
        """Return why no terminal's sound or picture may be sent to an IP address (as a monitor); "" if it may."""

    def allocate_number(self, requested: str | None, holder: str = "") -> AllocatedNumber | None:
        """Allocate the requested number for a new conference, or the next free one.

        `holder`: the name of the template, virtual room or reservation from which it is begun; only for it a number
        that is kept under this name is free. Returns `None` if the requested number is taken, or all are.
        """

    def keep_number(self, requested: str | None, holder: str) -> str | None:
        """Reserve the requested number, or the next free one, for a template, virtual room or reservation (`holder`).

        Returns the number; `None` if the requested one is taken, or all are.
        """

    def release_kept_number(self, e164: str) -> None:
        """Stop reserving a number for a template, virtual room or reservation; a conference that has it now goes on."""

    @property
    def stored(self) -> StoredUnitOfWork:
        """Return the part of this unit of work for templates and virtual rooms of the platform."""

    @property
    def reservations(self) -> ReservationsUnitOfWork:
        """Return the part for the platform's reservations and their occurrences."""

    @property
    def registry(self) -> RegistryUnitOfWork:
        """Return the part for this site's number registry, which is only in the data of the site's own platform."""

    def new_id(self) -> str:
        """Return a new unique id for a row or a question."""

    def numbers_of_own_conferences(
        self, numbers: Collection[str], sent_by_local_unit: bool
    ) -> frozenset[str]:
        """Return those of the numbers whose conferences belong to the platform of this transaction.

        An unknown number belongs to this site's own platform if a media unit of this site sent it
        (`sent_by_local_unit`), else to none.
        """

    def list_page(self, domain: str, start: int, count: int) -> ListPage | None:
        """Return one page of a domain's live conferences; `None` means no such domain."""

    def control_request_key(self, e164: str, correlation_id: str, reqid: str) -> str | None:
        """Return the key in the inbox (table of requests) of the control order that a media unit answers, or `None`."""

    def is_room_abnormal(self, unit: Unit) -> bool:
        """Return whether a unit's machine room is abnormal (taken for out of order); False if this site cannot know."""

    def save(self, before: Conference | None, after: Conference) -> None:
        """Stage the next value of a conference, which is written when the transaction ends.

        Its licence counts, and whether its number is taken, are changed by the difference to `before`.
        """

    def save_record(self, ended: Conference) -> None:
        """Write the call record of a conference of another site at the end; one that is saved already stays."""

    def send(self, outgoing: Outgoing) -> None:
        """Stage a message, which is sent once the transaction has committed."""

    def publish_event(self, event: Event) -> None:
        """Stage an event, which listening client applications get once the transaction has committed."""

    def log_decision(self, decision: Decision) -> None:
        """Log the conference's state after a decision, and the reason of the decision."""
