"""The unit of work of the conferences: everything that a flow may read, write and send.

`database_unit_of_work` implements it on MariaDB, `tests/memory.py` in memory.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Protocol

from conferences.rules.create import Tenant
from conferences.rules.states import Conference, Unit
from conferences.rules.step import Step
from foundation.bus.outgoing import Outgoing
from licensing.rules.amounts import Amounts
from wire.error_codes import Err
from wire.resource_pool import ResourcesGranted, ResourcesRefused


class ConferencesUnitOfWork(Protocol):
    """The conferences of one platform, within one transaction."""

    @property
    def now(self) -> datetime:
        """The database's time."""

    @property
    def here(self) -> str:
        """The platform whose units we use."""

    @property
    def serving(self) -> frozenset[str]:
        """The platforms whose requests this site takes now."""

    def load(self, e164: str) -> Conference | None:
        """The live conference with this number, locked."""

    def hosted_on(self, unit: Unit) -> Sequence[Conference]:
        """All live conferences that are assigned to a unit, locked."""

    def believed_on(self, unit: Unit, numbers: Sequence[str]) -> dict[str, Conference]:
        """The live conferences assigned to a unit or with one of these numbers, only looked at."""

    def parts_of(
        self, unit: Unit, listid: str, part: tuple[int, int], numbers: Sequence[str]
    ) -> frozenset[str] | None:
        """All numbers of a list in parts, once all its parts are there. `part`: which, of how many."""

    def stands_at(self, reply: ResourcesGranted | ResourcesRefused) -> str:
        """At whose broker the unit that the RMS names is spoken to: a peer's, else this site's."""

    def tenant(self, moid: str) -> Tenant | None:
        """A user domain, as far as creating goes."""

    def seat(self, tenant: Tenant, places: int) -> tuple[Err, str] | None:
        """Which limit forbids one more of this size, and in words; None: there is a seat."""

    def short_of(self, wanted: Amounts) -> str:
        """The licensed resource of which so many more cannot be had; "": all can."""

    def number(self, wanted: str | None) -> tuple[str, str, int] | None:
        """Number, short number and incarnation for a new conference; None: taken."""

    def new_id(self) -> str:
        """An id that nobody else has."""

    def concerned(self, numbers: Collection[str], heard_here: bool) -> frozenset[str]:
        """Those of these numbers that are this platform's to judge."""

    def listed(
        self, domain: str, start: int, count: int
    ) -> tuple[int, list[dict[str, Any]]] | None:
        """One page of a domain's live conferences; None: no such domain."""

    def control_request(self, e164: str, correlation_id: str, reqid: str) -> str | None:
        """The key of the control request that a unit's answer belongs to, answered or not."""

    def domain_is_down(self, c: Conference, unit: Unit) -> bool:
        """Is its user domain abnormal, and the unit of the abnormal room?"""

    def save(self, before: Conference | None, after: Conference) -> None:
        """Stage the next value; what it has in use and its number follow from the move."""

    def keep_record(self, ended: Conference) -> None:
        """Keep a conference of another site that has ended; known already: nothing."""

    def send(self, outgoing: Outgoing) -> None:
        """Stage a message."""

    def note(self, step: Step) -> None:
        """Log the one line of a decision."""
