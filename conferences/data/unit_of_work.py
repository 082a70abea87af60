"""The unit of work of the conferences: everything that a flow may read, write and send.

`database_unit_of_work` implements it on MariaDB, `tests/memory.py` in memory.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol

from conferences.rules.create import Tenant
from conferences.rules.states import Conference, Unit
from conferences.rules.step import Step
from foundation.bus.outgoing import Outgoing
from licensing.rules.amounts import Amounts
from wire.conference_manager import ListedConference
from wire.error_codes import Err
from wire.resource_pool import ResourcesGranted, ResourcesRefused


class ConferencesUnitOfWork(Protocol):
    """The conferences of one platform, within one transaction."""

    @property
    def now(self) -> datetime:
        """The database's time."""

    @property
    def own_site(self) -> str:
        """The platform of this site, whose units are used."""

    @property
    def serving(self) -> frozenset[str]:
        """The platforms whose requests this site handles now."""

    def load(self, e164: str) -> Conference | None:
        """Lock and return the live conference with this number; `None` means there is none."""

    def hosted_on(self, unit: Unit) -> Sequence[Conference]:
        """Lock and return all live conferences that are assigned to a unit."""

    def believed_on(self, unit: Unit, numbers: Sequence[str]) -> dict[str, Conference]:
        """Return, without locking, the live conferences assigned to a unit or with one of these numbers."""

    def collect_list_parts(
        self, unit: Unit, listid: str, part: tuple[int, int], numbers: Sequence[str]
    ) -> frozenset[str] | None:
        """Return all numbers of a list that comes in parts; `None` until all its parts are there.

        `part`: the number of this part, and how many there are.
        """

    def site_of_unit(self, reply: ResourcesGranted | ResourcesRefused) -> str:
        """Return the site whose broker reaches the unit that the RMS names.

        It is a peer's site if the RMS names one, else this site.
        """

    def tenant(self, moid: str) -> Tenant | None:
        """Return the facts of a user domain that decide on creating; `None` means it is unknown."""

    def refuse_seat(self, tenant: Tenant, places: int) -> tuple[Err, str] | None:
        """Return which limit forbids one more conference of this size, and in words; `None` means none does."""

    def missing_resource(self, wanted: Amounts) -> str:
        """Return the licensed resource of which so many more cannot be had; "" means all can."""

    def allocate_number(self, wanted: str | None) -> tuple[str, str, int] | None:
        """Allocate a number, short number and incarnation for a new conference.

        `wanted` is the number that was asked for; `None` takes the next free one. Returns `None` where it is taken.
        """

    def new_id(self) -> str:
        """Return an id that nobody else has."""

    def numbers_to_judge(self, numbers: Collection[str], heard_here: bool) -> frozenset[str]:
        """Return those of these numbers that this platform decides on.

        `heard_here`: one of this site's own units sent them.
        """

    def list_page(
        self, domain: str, start: int, count: int
    ) -> tuple[int, list[ListedConference]] | None:
        """Return the count and one page of a domain's live conferences; `None` means no such domain."""

    def control_request(self, e164: str, correlation_id: str, reqid: str) -> str | None:
        """Return the key of the control request that a unit's answer belongs to, answered or not."""

    def is_domain_down(self, c: Conference, unit: Unit) -> bool:
        """Tell whether its user domain's room is abnormal, and the unit stands in an abnormal room."""

    def save(self, before: Conference | None, after: Conference) -> None:
        """Stage the next value of a conference.

        What it uses and whether its number is taken follow from the difference.
        """

    def save_record(self, ended: Conference) -> None:
        """Stage a conference of another site that has ended; a known one stays as it is."""

    def send(self, outgoing: Outgoing) -> None:
        """Stage a message."""

    def log_step(self, step: Step) -> None:
        """Log the line of a decision."""
