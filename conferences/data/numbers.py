"""Numbers are allocated in turn, and none is allocated twice at once; each use has its incarnation."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from domains.data.lookups import NUMBER_PREFIX
from foundation.cells import sql

SERIALS = 100_000
"""A platform allocates this many numbers: its prefix and five digits, which are also the short number."""

_SHORTS = (100_000, 1_000_000)
"""Short numbers of six digits, for conferences whose number is not of the platform's own: first, and end."""
_ROUNDS = 50


class NoNumbers(LookupError):
    """The platform was not provisioned, or its domain, which names the prefix, is not known yet."""


@dataclass(slots=True)
class _Cursor:
    """The numbers that a platform allocates next."""

    prefix: str
    serial: int
    short: int


class Numbers:
    """The numbers that one transaction allocates, releases or looks at. Their rows are locked."""

    def __init__(self, database: str, platform: str) -> None:
        self._database, self._platform = database, platform
        self._cursor: _Cursor | None = None
        self._loaded: dict[str, tuple[int, bool]] = {}
        self._changed: dict[str, tuple[int, bool]] = {}
        self._candidates: list[int] = []

    def prepare(self, count: int, wanted: Collection[str]) -> None:
        """Lock the cursor, the wanted numbers, and a few more than the next `count` numbers."""
        if self._cursor is None:
            self._cursor = self._read_cursor()
        if self._cursor is not None:
            self._load_ahead(count + 8, wanted)

    def _read_cursor(self) -> _Cursor | None:
        """Lock and return the cursor of the platform.

        `None` means that the tree does not have the platform yet, so it has no tenants that could ask.
        """
        rows = sql.select(
            self._database,
            f"SELECT {NUMBER_PREFIX.format(moid='platform')},"
            " next_serial, next_short FROM conferences_numbercursor WHERE platform=%s FOR UPDATE",
            [self._platform],
        )
        return _Cursor(*rows[0]) if rows and rows[0][0] else None

    def _load_ahead(self, count: int, wanted: Collection[str] = ()) -> None:
        """Lock and load the next `count` numbers and the wanted ones."""
        assert self._cursor is not None
        start = self._candidates[-1] + 1 if self._candidates else self._cursor.serial
        ahead = [(start + i) % SERIALS for i in range(min(count, SERIALS))]
        self._candidates += ahead
        names = sorted({*(self._name(s) for s in ahead), *wanted} - self._loaded.keys())
        if not names:
            return
        self._loaded |= dict.fromkeys(names, (0, False))
        query = (
            "SELECT e164, incarnation, taken FROM conferences_number"
            f" WHERE e164 IN ({sql.marks(names)}) ORDER BY e164 FOR UPDATE"
        )
        for e164, incarnation, taken in sql.select(self._database, query, names):
            self._loaded[e164] = (incarnation, bool(taken))

    def _name(self, serial: int) -> str:
        """Return the number with this serial: prefix and five digits."""
        assert self._cursor is not None
        return f"{self._cursor.prefix}{serial:05d}"

    def allocate(self, wanted: str | None) -> tuple[str, str, int] | None:
        """Allocate a number; return `(number, short number, incarnation)`.

        `None` means that the wanted number is taken, or that all are. Raises NoNumbers.
        """
        if self._cursor is None:
            self.prepare(1, [wanted] if wanted else [])
        if self._cursor is None:
            raise NoNumbers(self._platform)
        if wanted is not None:
            return self._allocate_wanted(wanted)
        for _ in range(_ROUNDS):
            while self._candidates:
                serial = self._candidates.pop(0)
                self._cursor.serial = (serial + 1) % SERIALS
                if not self._state(self._name(serial))[1]:
                    return (
                        self._name(serial),
                        f"{serial:05d}",
                        self._mark_taken(self._name(serial)),
                    )
            self._load_ahead(1000)
        return None

    def _allocate_wanted(self, wanted: str) -> tuple[str, str, int] | None:
        """Allocate this very number, or return `None` if it is taken."""
        assert self._cursor is not None
        if wanted not in self._loaded:
            self._load_ahead(0, [wanted])
        if self._state(wanted)[1]:
            return None
        own = wanted.removeprefix(self._cursor.prefix)
        if len(own) == 5 and len(wanted) == len(self._cursor.prefix) + 5:
            return wanted, own, self._mark_taken(wanted)
        return wanted, self._next_short(self._cursor), self._mark_taken(wanted)

    def _next_short(self, cursor: _Cursor) -> str:
        """Return the next short number that no live conference has; after a full turn some are still in use."""
        query = "SELECT 1 FROM conferences_conference WHERE live_shortnum=%s"
        while True:
            short = str(cursor.short)
            cursor.short = cursor.short + 1 if cursor.short + 1 < _SHORTS[1] else _SHORTS[0]
            if not sql.select(self._database, query, [short]):
                return short

    def _state(self, e164: str) -> tuple[int, bool]:
        """Return the incarnation of a loaded number, and whether it is taken."""
        return self._changed.get(e164) or self._loaded[e164]

    def _mark_taken(self, e164: str) -> int:
        """Mark a number as taken, and return its new incarnation."""
        incarnation = self._state(e164)[0] + 1
        self._changed[e164] = (incarnation, True)
        return incarnation

    def release(self, e164: str, incarnation: int) -> None:
        """Release the number of a conference that has ended; its incarnation goes on counting."""
        self._changed[e164] = (incarnation, False)

    def flush(self) -> None:
        """Write cursor and numbers."""
        if self._cursor is not None:
            sql.execute(
                self._database,
                "UPDATE conferences_numbercursor SET next_serial=%s, next_short=%s WHERE platform=%s",
                [self._cursor.serial, self._cursor.short, self._platform],
            )
        columns = ("e164", "incarnation", "taken")
        rows = [(e164, *changed) for e164, changed in sorted(self._changed.items())]
        sql.insert(self._database, "conferences_number", columns, rows, columns[1:])
