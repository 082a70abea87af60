"""Conference numbers are allocated in turn. Each use of a number raises its incarnation, a count of uses."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import NamedTuple

from conferences.rules.create import AllocatedNumber
from domains.data.lookups import NUMBER_PREFIX
from foundation.cells import sql

SERIAL_DIGITS = 5
"""A conference number of a platform is the platform's prefix and these digits, which are also the short number."""

SERIALS = 10**SERIAL_DIGITS

MAX_KEPT = SERIALS // 2
"""At most so many conference numbers of a platform may be reserved for templates, virtual rooms and reservations."""

_FIRST_SHORT, _SHORT_END = 100_000, 1_000_000
"""The range of the short numbers of six digits, for conferences with a requested number of another form."""

_MAX_ROUNDS = 50
"""The search for a free number is given up after so many rounds of _SERIALS_PER_ROUND serials."""
_SERIALS_PER_ROUND = 1000
_SPARE_SERIALS = 8
"""So many more serials than needed are locked, because conferences may have some of their numbers."""


class NoNumbers(LookupError):
    """The exception that says that a platform can allocate no conference number: its row or its prefix is missing."""


@dataclass(slots=True)
class _Cursor:
    """Represent the next serial and short number that a platform tries for a conference, and the prefix of its numbers.

    `held`: how many numbers are reserved for templates, virtual rooms and reservations.
    """

    prefix: str
    next_serial: int
    next_short: int
    held: int


class _NumberState(NamedTuple):
    """The state of a conference number: how often it was used (`incarnation`), and whether a conference has it now.

    `holder`: the name of the reservation, template or virtual room for which it is reserved; "" means none.
    """

    incarnation: int
    is_taken: bool
    holder: str = ""

    def is_free_for(self, holder: str) -> bool:
        """Return whether a conference may have the number now.

        `holder`: the reservation, template or virtual room of that conference; "" for none.
        """
        return not self.is_taken and self.holder in ("", holder)


class Numbers:
    """The conference numbers that one transaction allocates and releases. Rows are locked, and written by `flush`.

    `_loaded`, `_changed`: number -> its state as read, and as it will be written. `_holders`: number -> its new holder,
    "" for none. `_loaded_serials`: serials whose rows are locked, and whose numbers were not tried yet.
    """

    def __init__(self, database: str, platform: str) -> None:
        """Remember database and platform; no row is read yet."""
        self._database, self._platform = database, platform
        self._cursor: _Cursor | None = None
        self._loaded: dict[str, _NumberState] = {}
        self._changed: dict[str, _NumberState] = {}
        self._holders: dict[str, str] = {}
        self._loaded_serials: list[int] = []

    def prepare(self, count: int, requested: Collection[str]) -> None:
        """Lock and read all rows needed to allocate `count` numbers, among them the `requested` ones."""
        if self._cursor is None:
            self._cursor = self._read_cursor()
        if self._cursor is not None:
            self._load_next_states(count + _SPARE_SERIALS, requested)

    def _read_cursor(self) -> _Cursor | None:
        """Lock and return the cursor of the platform; `None` if the platform's domain is not known here yet."""
        rows = sql.select(
            self._database,
            f"SELECT {NUMBER_PREFIX.format(moid='platform')},"
            " next_serial, next_short, held FROM conferences_numbercursor WHERE platform=%s FOR UPDATE",
            [self._platform],
        )
        return _Cursor(*rows[0]) if rows and rows[0][0] else None

    def _load_next_states(self, count: int, requested: Collection[str] = ()) -> None:
        """Lock and load the states (free, in use, reserved) of the next `count` numbers and of the requested ones.

        Those that are loaded already are left out. A number without a row is free.
        """
        assert self._cursor is not None
        start = self._loaded_serials[-1] + 1 if self._loaded_serials else self._cursor.next_serial
        serials = [(start + i) % SERIALS for i in range(min(count, SERIALS))]
        self._loaded_serials += serials
        numbers = {*(self._number_of_serial(serial) for serial in serials), *requested}
        missing = sorted(numbers - self._loaded.keys())
        if not missing:
            return
        self._loaded |= dict.fromkeys(missing, _NumberState(0, False))
        query = (
            "SELECT e164, incarnation, taken, held_by FROM conferences_number"
            f" WHERE e164 IN ({sql.marks(missing)}) ORDER BY e164 FOR UPDATE"
        )
        for e164, incarnation, is_taken, holder in sql.select(self._database, query, missing):
            self._loaded[e164] = _NumberState(incarnation, bool(is_taken), holder)

    def _number_of_serial(self, serial: int) -> str:
        """Return the number with this serial: the platform's prefix and the serial in five digits."""
        assert self._cursor is not None
        return f"{self._cursor.prefix}{serial:0{SERIAL_DIGITS}d}"

    def allocate(self, requested: str | None, holder: str = "") -> AllocatedNumber | None:
        """Allocate the requested number, or the next free one of the platform, to a new conference.

        `holder`: the reservation, template or virtual room of the conference, as in `keep`; a number that is
        reserved for it counts as free. Returns `None` if the requested number is in use or reserved for another holder,
        or no free one was found. Raises NoNumbers.
        """
        self._prepare_for_number(requested)
        if requested is not None:
            return self._allocate_requested(requested, holder)
        number = self._next_free_number()
        if number is None:
            return None
        return AllocatedNumber(number, number[-SERIAL_DIGITS:], self._mark_taken(number))

    def keep(self, requested: str | None, holder: str) -> str | None:
        """Reserve the requested conference number, or the next free one, for `holder`, and return it.

        `holder`: the name of a reservation, template or virtual room, such as `book:<id>`. The number stays reserved
        until `release_kept`. Returns `None` if `allocate` would, or if MAX_KEPT numbers are reserved already. Raises
        NoNumbers.
        """
        self._prepare_for_number(requested)
        assert self._cursor is not None
        if self._cursor.held >= MAX_KEPT:
            return None
        if requested is None:
            number = self._next_free_number()
        else:
            self._load_missing_states([requested])
            number = requested if self._current_state(requested).is_free_for(holder) else None
        if number is not None and not self._current_state(number).holder:
            self._holders[number] = holder
            self._cursor.held += 1
        return number

    def release_kept(self, e164: str) -> None:
        """Stop reserving a number for a reservation, template or virtual room; a conference that has it keeps it."""
        self._prepare_for_number(e164)
        assert self._cursor is not None
        self._load_missing_states([e164])
        if self._current_state(e164).holder:
            self._holders[e164] = ""
            self._cursor.held -= 1

    def _prepare_for_number(self, requested: str | None) -> None:
        """Lock and read the rows needed for one number, unless that was done before. Raises NoNumbers."""
        if self._cursor is None:
            self.prepare(1, [requested] if requested else [])
        if self._cursor is None:
            raise NoNumbers(self._platform)

    def _next_free_number(self) -> str | None:
        """Return the platform's next conference number that is neither in use nor reserved; `None` if none was found.

        Numbers are read in rounds of _SERIALS_PER_ROUND; after _MAX_ROUNDS the search ends.
        """
        assert self._cursor is not None
        for _ in range(_MAX_ROUNDS):
            while self._loaded_serials:
                serial = self._loaded_serials.pop(0)
                self._cursor.next_serial = (serial + 1) % SERIALS
                number = self._number_of_serial(serial)
                if self._current_state(number).is_free_for(""):
                    return number
            self._load_next_states(_SERIALS_PER_ROUND)
        return None

    def _load_missing_states(self, numbers: Collection[str]) -> None:
        """Lock and load the states (free, in use, reserved) of those of these numbers that are not loaded yet."""
        if missing := [number for number in numbers if number not in self._loaded]:
            self._load_next_states(0, missing)

    def _allocate_requested(self, number: str, holder: str) -> AllocatedNumber | None:
        """Allocate this number; return `None` if a conference has it, or it is reserved for another holder.

        A number with the platform's prefix ends with its short number; any other gets a short number of six digits.
        """
        assert self._cursor is not None
        self._load_missing_states([number])
        if not self._current_state(number).is_free_for(holder):
            return None
        prefix, serial = number[:-SERIAL_DIGITS], number[-SERIAL_DIGITS:]
        short = serial if prefix == self._cursor.prefix else self._next_short_number(self._cursor)
        return AllocatedNumber(number, short, self._mark_taken(number))

    def _next_short_number(self, cursor: _Cursor) -> str:
        """Return the next short number of six digits that no live conference has."""
        query = "SELECT 1 FROM conferences_conference WHERE live_shortnum=%s"
        while True:
            short = str(cursor.next_short)
            cursor.next_short += 1
            if cursor.next_short >= _SHORT_END:
                cursor.next_short = _FIRST_SHORT
            if not sql.select(self._database, query, [short]):
                return short

    def _current_state(self, e164: str) -> _NumberState:
        """Return the state of a loaded number (free, in use or reserved), with the changes of this transaction."""
        loaded = self._loaded.get(e164, _NumberState(0, False))
        now = self._changed.get(e164) or loaded
        return now._replace(holder=self._holders.get(e164, loaded.holder))

    def _mark_taken(self, e164: str) -> int:
        """Store, for `flush`, that a conference has a number; return its new incarnation, which counts its uses."""
        incarnation = self._current_state(e164).incarnation + 1
        self._changed[e164] = _NumberState(incarnation, True)
        return incarnation

    def release(self, e164: str, incarnation: int) -> None:
        """Store, for `flush`, that a number is free again, because its conference has ended.

        `incarnation`: that of the conference, the highest that the number had.
        """
        self._changed[e164] = _NumberState(incarnation, False)

    def flush(self) -> None:
        """Write the platform's next serial and short number, and the changed numbers and holders, to the database."""
        if (cursor := self._cursor) is not None:
            sql.execute(
                self._database,
                "UPDATE conferences_numbercursor SET next_serial=%s, next_short=%s, held=%s"
                " WHERE platform=%s",
                [cursor.next_serial, cursor.next_short, cursor.held, self._platform],
            )
        columns: tuple[str, ...] = ("e164", "incarnation", "taken")
        rows = [
            (e164, state.incarnation, state.is_taken)
            for e164, state in sorted(self._changed.items())
        ]
        sql.insert(self._database, "conferences_number", columns, rows, columns[1:])
        holders = [(e164, 0, False, holder) for e164, holder in sorted(self._holders.items())]
        columns = (*columns, "held_by")
        sql.insert(self._database, "conferences_number", columns, holders, ["held_by"])
