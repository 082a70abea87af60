"""A forced takeover may lose requests that the former site acknowledged; they are listed here.

Both sites have the inbox of the platform's data: one row per request, with its id and its answer. A request
whose row is at the returned site and not at the serving site was acknowledged and is missing there; its
sender repeats it with the same id.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings

from failover.data import register_view
from failover.data.cells import config
from failover.data.cells.connection import DatabaseLink
from failover.flows.operator_requests import RequestRefused
from failover.rules.cell_facts import RegisterRow
from foundation.bus.inbox import READ_AFTER, READ_KEYS
from foundation.cells import sql
from foundation.cells.directory import own_platform, store_of

_CHUNK = 500
"""So many requests are read and compared at a time."""


@dataclass(frozen=True, slots=True)
class Missing:
    """Represent a request that the serving site does not have; `answer` is what its sender was answered here, or ""."""

    key: str
    kind: str
    reqid: str
    number: str
    at: datetime
    answer: str


def list_missing(platform: str) -> list[Missing]:
    """Return the requests of a platform that this site received and the serving site lacks, oldest first.

    Raises RequestRefused, and register_view.Failure where the register or the serving site's database cannot be
    reached.
    """
    _forced_row(platform)
    cell = _own_cell(platform)
    address = {"host": cell.peer_host, "port": cell.peer_port, "database": cell.schema}
    peer = DatabaseLink(
        **address, **cell.peer_tls(), user="app", password=cell.app_password, seconds=5
    )
    try:
        requests = [
            request for rows in _inbox_rows(platform) for request in _missing_at(peer, rows)
        ]
    finally:
        peer.close()
    return sorted(requests, key=lambda request: request.at)


def mark_done(platform: str, operator: str) -> str:
    """Note that an operator has dealt with the requests that a forced takeover lost, so that this site may copy anew.

    Return the sentence that is noted. `operator` is the person's name. Raises RequestRefused and register_view.Failure.
    """
    row = _forced_row(platform)
    because = f"what was missing after the forced takeover is dealt with, says {operator}"
    if not register_view.mark_writes_recovered(row, own_platform(), because):
        raise RequestRefused("somebody was faster: look again at what is there now")
    return because


def _forced_row(platform: str) -> RegisterRow:
    """Return the register row of a platform that was taken over by force from this site.

    Raises RequestRefused for any other platform, and register_view.Failure.
    """
    row = register_view.read().rows.get(platform)
    if row is None or not row.forced:
        raise RequestRefused("it was not taken over by force: nothing can be missing")
    if row.owner == own_platform():
        raise RequestRefused("this site serves it: look at the site that lost it")
    return row


def _own_cell(platform: str) -> config.Cell:
    """Return the settings of a platform's database at this site (cell), from CELLS_FILE. Raises RequestRefused."""
    try:
        cells = config.read_config(Path(settings.CELLS_FILE)).cells
    except config.BadConfig as error:
        raise RequestRefused(str(error)) from None
    for cell in cells:
        if cell.platform == platform:
            return cell
    raise RequestRefused("this site has no cell of it (CELLS_FILE)")


def _inbox_rows(platform: str) -> Iterator[list[tuple[Any, ...]]]:
    """Yield the rows of a platform's inbox (received requests) at this site, 500 at a time, in the order of keys."""
    database, last = store_of(platform).database, ""
    while rows := sql.select(database, READ_AFTER, [last, _CHUNK]):
        yield rows
        last = rows[-1][0]


def _missing_at(peer: DatabaseLink, rows: list[tuple[Any, ...]]) -> list[Missing]:
    """Return those of these requests that are not in the inbox of the other site's database."""
    keys = [row[0] for row in rows]
    query = READ_KEYS.format(marks=sql.marks(keys))
    keys_there = {row["key"] for row in peer.execute(query, keys)}
    return [
        Missing(key, kind, reqid, number, at, bytes(answer or b"").decode("utf-8", "replace"))
        for key, kind, reqid, number, at, answer in rows
        if key not in keys_there
    ]
