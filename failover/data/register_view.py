"""The register of owners as pages, commands and other apps read it, and write operators' requests.

The register says which site serves which platform. It is read from the core's database
(REGISTER_URL) each time, with a short time limit, and not cached. A site that cannot reach it knows
only what its own databases say. The cell agents use `data/cells/register.py` instead.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings

from failover.data.cells.connection import DatabaseLink, Failure
from failover.models import Register
from failover.rules.cell_facts import Mode, RegisterRow
from failover.rules.decisions import AgentReport

_COLUMNS = "platform, home, backup, epoch, owner, solo, forced, mode, wish, wish_by, wish_force, wish_fence"
_ROWS = f"SELECT {_COLUMNS} FROM failover_register ORDER BY platform"
_REPORTS = (
    "SELECT platform, site, role, well, lag, sentence,"
    " TIMESTAMPDIFF(MICROSECOND, at, UTC_TIMESTAMP(6)) AS age FROM failover_cellreport"
)
_NUMBERS = "SELECT platform, MAX(id) AS number FROM failover_failoverevent GROUP BY platform"
_EVENTS = (
    "SELECT id, platform, at, site, kind, epoch, owner, solo, because FROM failover_failoverevent"
    " ORDER BY id DESC LIMIT %s"
)
_CHANGE = (
    "UPDATE failover_register SET mode=%s, wish=%s, wish_by=%s, wish_force=%s, wish_fence=%s"
    " WHERE platform=%s AND epoch=%s AND owner=%s AND mode=%s AND wish=%s AND wish_by=%s"
)
_EVENT = (
    "INSERT INTO failover_failoverevent"
    " (platform, at, site, kind, epoch, owner, solo, automatic, because)"
    " VALUES (%s, UTC_TIMESTAMP(6), %s, %s, %s, %s, %s, 0, %s)"
)

_SETTLE = (
    "UPDATE failover_register SET forced=0 WHERE platform=%s AND epoch=%s AND owner=%s AND forced=1"
)
_NOTE = (
    "INSERT INTO failover_failoverevent"
    " (platform, at, site, kind, epoch, owner, solo, automatic, because)"
    " SELECT platform, UTC_TIMESTAMP(6), %s, %s, epoch, owner, solo, 0, %s FROM failover_register"
    " WHERE platform=%s"
)

log = logging.getLogger("failover.board")

__all__ = [
    "Event",
    "Failure",
    "RegisterView",
    "add_event",
    "has_register",
    "list_changes",
    "mark_writes_recovered",
    "read",
    "serving_site",
    "write_mode_and_request",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterView:
    """The view is the whole register at one moment: its rows, and the last reports of the sites' agents.

    `rows`: platform -> row. `reports`: platform -> site -> report. `numbers`: platform -> number of
    its last event.
    """

    rows: dict[str, RegisterRow]
    reports: dict[str, dict[str, AgentReport]] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """An event is one change of the register, as operators see it in the list of changes."""

    id: int
    platform: str
    at: datetime
    site: str
    kind: str
    epoch: int
    owner: str
    solo: bool
    because: str


def has_register() -> bool:
    """Return whether this deployment has a register of owners; without one nothing is ever taken over."""
    return bool(settings.REGISTER_URL)


def read() -> RegisterView:
    """Return the whole register of which site serves which platform: rows, agents' reports and numbers of changes.

    The result is empty if this deployment has no register. Raises Failure if the register does not answer.
    """
    if not has_register():
        return RegisterView(rows={})
    with _open_link() as link:
        rows = {row["platform"]: _to_register_row(row) for row in link.execute(_ROWS)}
        reports: defaultdict[str, dict[str, AgentReport]] = defaultdict(dict)
        for row in link.execute(_REPORTS):
            reports[row["platform"]][row["site"]] = _to_agent_report(row)
        numbers = {row["platform"]: int(row["number"]) for row in link.execute(_NUMBERS)}
    return RegisterView(rows=rows, reports=dict(reports), numbers=numbers)


def serving_site(platform: str) -> str:
    """Return the site that serves a platform, from the core's own tables; only the core may call this.

    A platform without a row in the register is served by its own site.
    """
    owner = Register.objects.filter(platform=platform).values_list("owner", flat=True).first()
    return owner or platform


def list_changes(most: int = 50) -> list[Event]:
    """Return the last `most` changes of the register, newest first; [] without a register. Raises Failure."""
    if not has_register():
        return []
    with _open_link() as link:
        rows = link.execute(_EVENTS, [most])
    for row in rows:
        row["at"], row["solo"] = row["at"].replace(tzinfo=UTC), bool(row["solo"])
    return [Event(**row) for row in rows]


def write_mode_and_request(
    before: RegisterRow, after: RegisterRow, kind: str, site: str, because: str
) -> bool:
    """Write the recovery mode and the operator's request of a row, and return whether that was done.

    `after` is the new row, `before` the one that was read; an event of this `kind` says why. Nothing is written if the
    row was changed meanwhile. Raises Failure if the register does not answer.
    """
    values = [after.mode, after.wish, after.wish_by, after.wish_force, after.wish_fence]
    values += [
        before.platform,
        before.epoch,
        before.owner,
        before.mode,
        before.wish,
        before.wish_by,
    ]
    event = [before.platform, site, kind, before.epoch, before.owner, before.solo, because[:255]]
    with _open_link() as link:
        return bool(link.run_transaction((_CHANGE, values), (_EVENT, event)))


def mark_writes_recovered(before: RegisterRow, site: str, because: str) -> bool:
    """Note in the register that an operator has recovered writes left behind by a forced takeover.

    Return whether it was done. `before` is the platform's row, `because` the reason for the history. Nothing is written
    if the row was changed meanwhile. Raises Failure if the register does not answer.
    """
    values = [before.platform, before.epoch, before.owner]
    event = [before.platform, site, "salvaged", before.epoch, before.owner, before.solo]
    with _open_link() as link:
        return bool(link.run_transaction((_SETTLE, values), (_EVENT, [*event, because[:255]])))


def add_event(platform: str, site: str, kind: str, because: str) -> None:
    """Add an event of a platform to the list of changes, without changing the register.

    `site`: where it happened; `because`: a sentence for operators. If the register cannot be reached, the event is
    lost.
    """
    if not has_register():
        return
    try:
        with _open_link() as link:
            link.execute(_NOTE, [site, kind, because[:255], platform])
    except Failure as error:
        log.warning("not in the time line (%s): %s", error, because)


@contextmanager
def _open_link() -> Iterator[DatabaseLink]:
    """Open a connection to the register's database, and close it at the end."""
    link = DatabaseLink.from_url(settings.REGISTER_URL, authorities=settings.TLS_CA_FILE)
    try:
        yield link
    finally:
        link.close()


def _to_register_row(columns: dict[str, Any]) -> RegisterRow:
    """Return a platform's row of the register from the values of its columns."""
    flags = {name: bool(columns[name]) for name in ("solo", "forced", "wish_force", "wish_fence")}
    return RegisterRow(**{**columns, **flags, "mode": Mode(columns["mode"])})


def _to_agent_report(columns: dict[str, Any]) -> AgentReport:
    """Return the last report of a cell agent from the values of its columns; `age` is in microseconds."""
    age = timedelta(microseconds=max(0, columns["age"]))
    words = {name: columns[name] for name in ("role", "lag", "sentence")}
    return AgentReport(well=bool(columns["well"]), age=age, **words)
