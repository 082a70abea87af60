"""The tables of templates and virtual rooms: rows within one transaction, and queries of pages and the HTTP API."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

import orjson

from conferences.rules.stored import Kind, OthersOfKind, StoredConference
from foundation.bus.outbox import to_db_datetime
from foundation.bus.typed_json import encode, read_own
from foundation.cells import sql
from foundation.cells.directory import look_up, possible_platforms

TABLES: Mapping[Kind, str] = {
    Kind.PUBLIC: "conferences_publictemplate",
    Kind.PERSONAL: "conferences_personaltemplate",
    Kind.ROOM: "conferences_virtualroom",
}

_COLUMNS = (
    "id",
    "name",
    "e164",
    "user_domain",
    "source_platform",
    "owner",
    "created_at",
    "changed_at",
    "detail",
)
"""The column `detail` has the whole template or virtual room as JSON; the others repeat the fields for queries."""

_ORDER = {Kind.PUBLIC: "created_at", Kind.PERSONAL: "changed_at", Kind.ROOM: "created_at"}
"""Kind -> the column by which its list is sorted (HTTP API §1)."""


def from_row(detail: bytes | str) -> StoredConference:
    """Return the template or virtual room that is stored as JSON in the column `detail` of a row."""
    return read_own(StoredConference, orjson.loads(detail))


def _to_row(stored: StoredConference) -> tuple[object, ...]:
    """Return the row of a template or virtual room: the values of _COLUMNS, in their order."""
    return (
        stored.id,
        stored.name,
        stored.e164 or None,
        stored.user_domain,
        stored.source_platform,
        stored.owner,
        to_db_datetime(stored.created_at),
        to_db_datetime(stored.changed_at),
        encode(stored),
    )


class StoredRows:
    """The templates and virtual rooms that one transaction reads and changes.

    They are written at once, not at the end of the transaction as conferences are, because the next message of the
    batch may request the same name.
    """

    def __init__(self, database: str) -> None:
        """Remember the database; no row is read yet."""
        self._database = database
        self._locked: dict[str, StoredConference | None] = {}

    def prepare(self, stored_ids: Collection[str]) -> set[str]:
        """Lock and read the templates and virtual rooms with these ids; return the numbers of their conferences."""
        missing = sorted(set(stored_ids) - self._locked.keys())
        if missing:
            self._locked |= dict.fromkeys(missing)
            for table in TABLES.values():
                query = (
                    f"SELECT id, detail FROM {table} WHERE id IN ({sql.marks(missing)})"
                    " ORDER BY id FOR UPDATE"
                )
                for stored_id, detail in sql.select(self._database, query, missing):
                    self._locked[stored_id] = from_row(detail)
        rows = (self._locked[stored_id] for stored_id in stored_ids)
        return {stored.e164 for stored in rows if stored and stored.e164}

    def find(self, stored_id: str) -> StoredConference | None:
        """Lock and return the template or virtual room with this id; `None` means there is none."""
        self.prepare([stored_id])
        return self._locked[stored_id]

    def others(self, stored: StoredConference) -> OthersOfKind:
        """Return whether another template or virtual room has the name of this one, and how many of its kind there are.

        Personal templates are compared and counted by their owner; of the others, names are unique in the platform,
        and the count is that of the user domain.
        """
        table = TABLES[stored.kind]
        by_owner = stored.kind is Kind.PERSONAL
        same_name, values = "name=%s AND id<>%s", [stored.name, stored.id]
        if by_owner:
            same_name, values = f"{same_name} AND owner=%s", [*values, stored.owner]
        column = "owner" if by_owner else "user_domain"
        query = (
            f"SELECT EXISTS (SELECT 1 FROM {table} WHERE {same_name}),"
            f" (SELECT COUNT(*) FROM {table} WHERE {column}=%s)"
        )
        counted = stored.owner if by_owner else stored.user_domain
        name_is_taken, count = sql.select(self._database, query, [*values, counted])[0]
        return OthersOfKind(bool(name_is_taken), count)

    def save(self, before: StoredConference | None, after: StoredConference) -> None:
        """Write a new template or virtual room (`before` is `None`), or a changed one."""
        changing = _COLUMNS[1:] if before else ()
        if before:
            values = [*_to_row(after)[1:], after.id]
            assignments = ", ".join(f"{column}=%s" for column in changing)
            query = f"UPDATE {TABLES[after.kind]} SET {assignments} WHERE id=%s"
            sql.execute(self._database, query, values)
        else:
            sql.insert(self._database, TABLES[after.kind], _COLUMNS, [_to_row(after)])
        self._locked[after.id] = after

    def delete(self, stored: StoredConference) -> None:
        """Delete the row of a template or virtual room."""
        sql.execute(self._database, f"DELETE FROM {TABLES[stored.kind]} WHERE id=%s", [stored.id])
        self._locked[stored.id] = None


# ---- for pages and the HTTP API ------------------------------------------------------------------


class StoredPage(NamedTuple):
    """Some templates or virtual rooms of a list, and the length of the whole list."""

    total: int
    items: list[StoredConference]


def stored_page(
    database: str, kind: Kind, owner: str, *, start: int, count: int, newest_first: bool = False
) -> StoredPage:
    """Return one page of the public templates or virtual rooms of a user domain, or of a person's templates.

    `owner`: the MOID of the user domain or the account. `start`: the first row, from 0.
    """
    column = "owner" if kind is Kind.PERSONAL else "user_domain"
    from_where = f"FROM {TABLES[kind]} WHERE {column}=%s"
    total = sql.select(database, f"SELECT COUNT(*) {from_where}", [owner])[0][0]
    order = "DESC" if newest_first else "ASC"
    rows = sql.select(
        database,
        f"SELECT detail {from_where} ORDER BY {_ORDER[kind]} {order}, id {order} LIMIT %s OFFSET %s",
        [owner, count, start],
    )
    return StoredPage(total, [from_row(detail) for (detail,) in rows])


def stored_by_id(database: str, kind: Kind, stored_id: str) -> StoredConference | None:
    """Return the template or virtual room of a kind with this id; `None` if there is none."""
    rows = sql.select(database, f"SELECT detail FROM {TABLES[kind]} WHERE id=%s", [stored_id])
    return from_row(rows[0][0]) if rows else None


def room_by_number(e164: str) -> StoredConference | None:
    """Return the virtual room with this number, of any platform whose data this site has; `None`: there is none."""
    query = f"SELECT detail FROM {TABLES[Kind.ROOM]} WHERE e164=%s"
    for platform in possible_platforms():
        if rows := look_up(platform, query, [e164]):
            return from_row(rows[0][0])
    return None


def rooms_closed_to(person: str, database: str, room_ids: Collection[str]) -> frozenset[str]:
    """Return the ids of those of these virtual rooms that do not admit the account with this MOID (`person`)."""
    if not room_ids:
        return frozenset()
    ids = sorted(room_ids)
    query = f"SELECT detail FROM {TABLES[Kind.ROOM]} WHERE id IN ({sql.marks(ids)})"
    rooms = [from_row(detail) for (detail,) in sql.select(database, query, ids)]
    return frozenset(room.id for room in rooms if not room.admits(person))
