"""The table of the number registry (UPU): it is written by schedulers' notices, and read by gateways and programs."""

from __future__ import annotations

from datetime import datetime, timedelta

from conferences.data.numbers import SERIAL_DIGITS
from conferences.rules.registry import Notice
from domains.data.lookups import NUMBER_PREFIX
from foundation import clock
from foundation.bus.outbox import to_db_datetime
from foundation.cells import sql
from foundation.cells.directory import look_up, own_platform, possible_platforms, store_of
from wire.number_registry import RegisteredNumber

_TABLE = "conferences_registerednumber"
_CHANGING = ("conftype", "name", "user_domain", "platform", "state", "gone", "told_at", "version")
"""The columns that a newer notice changes; `version`, which is compared, must be the last one."""

_INSERT = (
    f"INSERT INTO {_TABLE} (e164, running, {', '.join(_CHANGING)})"
    f" VALUES ({', '.join(['%s'] * (len(_CHANGING) + 2))}) ON DUPLICATE KEY UPDATE "
    + ", ".join(
        f"{column}=IF(VALUES(version) > version, VALUES({column}), {column})"
        for column in _CHANGING
    )
)

GONE_FOR = timedelta(hours=1)
"""The row of a number reported as deleted is kept for this time, in case an older notice about it comes late."""


class RegistryRows:
    """The rows of the registry that one transaction changes; `flush` writes them in one statement."""

    def __init__(self, database: str) -> None:
        """Remember the database; there are no rows to write yet."""
        self._database = database
        self._staged: list[tuple[object, ...]] = []

    def stage(self, notice: Notice, now: datetime) -> None:
        """Stage the number registry's row of a number as a notice describes it; `flush` writes it.

        Texts are cut to the lengths of the columns, as the sender may be software of somebody else.
        """
        entry = notice.entry
        self._staged.append(
            (
                entry.e164[:16],
                entry.state == "running",
                entry.conftype,
                entry.name[:64],
                entry.user_domain[:40],
                entry.platform[:40],
                entry.state[:10],
                notice.gone,
                to_db_datetime(now),
                notice.version,
            )
        )

    def find(self, e164: str) -> tuple[RegisteredNumber, ...]:
        """Return the number registry's entries of a number; that of a running conference comes first."""
        return entries_of(self._database, e164)

    def flush(self) -> None:
        """Write the new rows of the number registry; a notice that is older than the stored row changes nothing."""
        if self._staged:
            sql.execute_many(self._database, _INSERT, self._staged)
            self._staged.clear()


def entries_of(database: str, e164: str) -> tuple[RegisteredNumber, ...]:
    """Return the number registry's entries of a number; that of a running conference comes first."""
    query = (
        f"SELECT e164, conftype, name, user_domain, platform, state FROM {_TABLE}"
        " WHERE e164=%s AND gone=0 ORDER BY running DESC"
    )
    return tuple(
        RegisteredNumber(
            e164=number,
            conftype=conftype,
            name=name,
            user_domain=user_domain,
            platform=platform,
            state=state,
        )
        for number, conftype, name, user_domain, platform, state in sql.select(
            database, query, [e164]
        )
    )


def number_of_short(short: str, platform: str) -> str:
    """Return the full number to which a short number belongs on a platform; "" if that is unknown here.

    If no live conference has the short number, it is the last digits of a number with the platform's prefix.
    """
    if platform not in possible_platforms():
        return ""
    query = "SELECT live_e164 FROM conferences_conference WHERE live_shortnum=%s"
    if rows := look_up(platform, query, [short]):
        return str(rows[0][0])
    if len(short) != SERIAL_DIGITS:
        return ""
    query = f"SELECT {NUMBER_PREFIX.format(moid='%s')}"
    prefixes = look_up(platform, query, [platform])
    return f"{prefixes[0][0]}{short}" if prefixes and prefixes[0][0] else ""


def delete_gone_rows() -> None:
    """Delete registry rows of numbers that were reported as deleted more than GONE_FOR ago, at most 5,000 at once."""
    database = store_of(own_platform()).database
    query = f"DELETE FROM {_TABLE} WHERE gone=1 AND told_at < %s LIMIT 5000"
    sql.execute(database, query, [to_db_datetime(clock.now() - GONE_FOR)])


def mark_kept_as_deleted(database: str, platform: str) -> int:
    """Mark those of a platform's entries in the number registry as deleted that are not of running conferences.

    Returns how many they are.
    """
    query = (
        f"UPDATE {_TABLE} SET gone=1, told_at=%s, version=%s"
        " WHERE platform=%s AND running=0 AND gone=0"
    )
    values = [to_db_datetime(clock.now()), clock.next_id(), platform]
    return sql.execute(database, query, values)
