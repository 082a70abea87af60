"""The register of owners as a cell agent uses it; it lies in the core domain's database.

It says which site owns each platform's data, and is changed by compare-and-set only. If a change is
not answered, it may have been made, or may still be made later. The agent then reads the register
again, and acts on what it reads.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime

from failover.data.cells.connection import DatabaseLink
from failover.rules.cell_facts import Mode, RegisterRow

_READ = """
SELECT r.platform, r.home, r.backup, r.epoch, r.owner, r.solo, r.forced, r.mode, r.wish, r.wish_by,
  r.wish_force, r.wish_fence, c.at AS report, c.well, c.role, COUNT(e.id) AS takeovers_today,
  COALESCE(SUM(e.at > UTC_TIMESTAMP(6) - INTERVAL 1 HOUR), 0) AS takeovers,
  (SELECT COUNT(*) FROM failover_register o WHERE o.home=%s AND o.platform<>r.platform
    AND (o.owner<>o.home OR (o.wish=o.backup AND o.wish_by=o.backup))) AS doubted
FROM failover_register r
LEFT JOIN failover_cellreport c
  ON c.platform=r.platform AND c.site=IF(r.home=%s, r.backup, r.home)
LEFT JOIN failover_failoverevent e
  ON e.platform=r.platform AND e.automatic AND e.kind IN ('takeover', 'handover')
  AND e.at > UTC_TIMESTAMP(6) - INTERVAL 1 DAY
WHERE r.platform=%s GROUP BY r.platform, c.id"""
_SET = """
UPDATE failover_register SET epoch=%s, owner=%s, solo=%s, forced=%s,
  wish=IF(%s, '', wish), wish_by=IF(%s, '', wish_by), wish_force=IF(%s, 0, wish_force),
  wish_fence=IF(%s, 0, wish_fence)
WHERE platform=%s AND epoch=%s AND owner=%s AND solo=%s"""
_EVENT = """
INSERT INTO failover_failoverevent (platform, at, site, kind, epoch, owner, solo, automatic, because)
VALUES (%s, UTC_TIMESTAMP(6), %s, %s, %s, %s, %s, %s, %s)"""
_WISH = """
UPDATE failover_register SET wish=%s, wish_by=%s, wish_force=0, wish_fence=0
WHERE platform=%s AND epoch=%s AND wish=%s AND wish_by=%s"""
_REPORT = """
INSERT INTO failover_cellreport (platform, site, at, role, well, lag, sentence)
VALUES (%s, %s, UTC_TIMESTAMP(6), %s, %s, %s, %s)
ON DUPLICATE KEY UPDATE at=VALUES(at), role=VALUES(role), well=VALUES(well), lag=VALUES(lag),
  sentence=VALUES(sentence)"""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterReading:
    """A reading is a platform's register row at one moment, with what the other site's agent reported."""

    row: RegisterRow
    takeovers: int
    """The number of automatic takeovers in the last hour, asked for by an agent or not."""
    takeovers_today: int
    """The same in the last 24 hours."""
    doubted: bool
    """Whether the other site has taken over this site's own platform, or asks for it."""
    report: datetime | None
    """When the other site's agent last reported, by the register's clock; used only to see a new one."""
    well: bool
    """Whether that report says that the other site serves, or could serve."""
    role: str
    """The role of the other site's database in that report; empty without a report."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Represent the report of an agent on its database of a platform, for operators and for the other site's agent."""

    role: str
    well: bool
    lag: int | None
    sentence: str


class Register:
    """The register says which site owns a platform's data; one site's agent reads and changes one platform's row.

    Every method may raise Failure.
    """

    def __init__(self, url: str, platform: str, site: str, authorities: str = "") -> None:
        """Prepare to read and write the row of `platform` for the agent of `site`. `url`: the register's database.

        `authorities`: see DatabaseLink.from_url.
        """
        self._link = DatabaseLink.from_url(url, authorities=authorities)
        self._platform, self._site = platform, site

    def read(self) -> RegisterReading | None:
        """Return the platform's row, its number of takeovers and the other site's report; `None` without a row."""
        columns = self._link.first_row(_READ, [self._site, self._site, self._platform])
        if not columns:
            return None
        for name in ("solo", "forced", "wish_force", "wish_fence"):
            columns[name] = bool(columns[name])
        row = {column.name: columns[column.name] for column in fields(RegisterRow)}
        return RegisterReading(
            row=RegisterRow(**{**row, "mode": Mode(row["mode"])}),
            takeovers=int(columns["takeovers"]),
            takeovers_today=int(columns["takeovers_today"]),
            doubted=bool(columns["doubted"]),
            report=columns["report"],
            well=bool(columns["well"]),
            role=columns["role"] or "",
        )

    def compare_and_set(
        self,
        before: RegisterRow,
        after: RegisterRow,
        kind: str,
        because: str,
        *,
        automatic: bool = False,
    ) -> bool:
        """Replace the platform's row unless it was changed meanwhile; return whether it was replaced.

        It is replaced by `after` if `(epoch, owner, solo)` is still as in `before`. An event of this `kind`, which
        says why (`because`), is written in the same transaction; `automatic`: no operator asked for it. After a Failure
        the row may have been replaced, or may still be. If the owner changes (`moved`), the operator's request
        is fulfilled, and cleared.
        """
        moved = after.owner != before.owner
        values = [after.epoch, after.owner, after.solo, after.forced, *[moved] * 4]
        expected = [before.platform, before.epoch, before.owner, before.solo]
        event = self._event_values(after, kind, because, automatic)
        return bool(self._link.run_transaction((_SET, values + expected), (_EVENT, event)))

    def write_request(
        self, before: RegisterRow, after: RegisterRow, kind: str, because: str
    ) -> bool:
        """Write or withdraw a request to the other site to hand this platform over; return whether it was written.

        The request is in `after`, "" if it is withdrawn; an event of this `kind` says why. It is not written if the
        register has another request than `before` says.
        """
        values = [after.wish, after.wish_by, before.platform, before.epoch]
        values += [before.wish, before.wish_by]
        event = self._event_values(after, kind, because, False)
        return bool(self._link.run_transaction((_WISH, values), (_EVENT, event)))

    def write_report(self, report: Report) -> None:
        """Write this site's report about its database of the platform, in place of its former one."""
        values = [report.role, report.well, report.lag, report.sentence[:255]]
        self._link.execute(_REPORT, [self._platform, self._site, *values])

    def close(self) -> None:
        """Close the connection to the register's database."""
        self._link.close()

    def _event_values(
        self, after: RegisterRow, kind: str, because: str, automatic: bool
    ) -> list[object]:
        """Return the values of a row of the register's history: the state `after` a change, its kind and its reason."""
        state = [after.epoch, after.owner, after.solo, automatic]
        return [after.platform, self._site, kind, *state, because[:255]]
