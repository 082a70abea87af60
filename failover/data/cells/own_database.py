"""The state of a platform's database at this site is read, and its settings are checked, here."""

from __future__ import annotations

from typing import Any

from failover.data.cells.connection import NO_SUCH_TABLE, DatabaseLink, Failure
from failover.rules.cell_facts import Database

DIVERGED = 1236
NEEDED = {
    "log_bin": (1, "no binary log: nothing could be copied"),
    "binlog_format": ("ROW", "statements may mean something else at the copy"),
    "log_slave_updates": (1, "a copy that is promoted could not be copied"),
    "gtid_strict_mode": (1, "a tail that was taken over would be skipped in silence"),
    "sync_binlog": (1, "a power cut would lose acknowledged writes"),
    "innodb_flush_log_at_trx_commit": (1, "a power cut would lose acknowledged writes"),
    "rpl_semi_sync_slave_enabled": (
        1,
        "a returning site would miss its own last writes in silence",
    ),
    "rpl_semi_sync_master_wait_point": ("AFTER_SYNC", "others would read what may yet be lost"),
    "rpl_semi_sync_master_wait_no_slave": (1, "without a copy it would commit alone in silence"),
    "relay_log_recovery": (1, "a torn relay log would be applied"),
}
FOREVER = 2_147_483_647  # ms
_LOOK = """
SELECT @@read_only AS read_only, @@rpl_semi_sync_master_enabled AS semi,
  @@gtid_binlog_pos AS position"""
_OPEN_TO_ALL = """
SELECT COUNT(*) AS n FROM information_schema.user_privileges WHERE grantee LIKE '\\'app\\'@%%'
  AND privilege_type IN ('SUPER', 'READ ONLY ADMIN', 'READ_ONLY ADMIN')"""


class DatabaseReading:
    """A reading of the platform's own database at one moment.

    Facts that last longer than one reading are kept in `observer`.
    """

    def __init__(self, link: DatabaseLink, platform: str, schema: str, domain: int) -> None:
        """Read the state of a platform's database at this site, all at once. Raises Failure.

        `domain` is the GTID domain of the platform's data.
        """
        values = link.first_row(_LOOK)
        self.read_only, self.semi = bool(values["read_only"]), bool(values["semi"])
        """Whether the database takes no writes; whether commits wait for a copy (semi-synchronous)."""
        self.sequence = sequence_number(values["position"], domain)
        """The number of the last transaction."""
        status = link.execute("SHOW GLOBAL STATUS LIKE 'Rpl_semi_sync_master%'")
        self._semi = {row["Variable_name"]: row["Value"] for row in status}
        self._slave = link.first_row("SHOW SLAVE STATUS")
        self.declared = _read_ownership(link, platform, schema)
        self.pulse = _read_pulse(link, platform, schema)

    @property
    def attached(self) -> bool:
        """Return whether a copy that acknowledges commits is connected to this database."""
        return int(self._semi["Rpl_semi_sync_master_clients"]) > 0

    @property
    def waiting(self) -> bool:
        """Return whether commits are waiting for the copy's acknowledgement."""
        return int(self._semi["Rpl_semi_sync_master_wait_sessions"]) > 0

    @property
    def acknowledged(self) -> int:
        """Return how many commits the copy has acknowledged since the database process started."""
        return int(self._semi["Rpl_semi_sync_master_yes_tx"])

    @property
    def diverged(self) -> bool:
        """Return whether the owner refuses this copy because it holds transactions that the owner does not."""
        return self._slave.get("Last_IO_Errno") == DIVERGED

    @property
    def receiving(self) -> bool:
        """Return whether this copy is connected to the owner and fetches its log."""
        return bool(self._slave.get("Slave_IO_Running") == "Yes")

    def to_facts(self, *, complete: bool, unsafe_setting: str) -> Database:
        """Return this reading as the facts (`Database`) from which a cell agent decides."""
        slave = self._slave
        trouble = slave.get("Last_SQL_Error") or slave.get("Last_IO_Error") or ""
        return Database(
            alive=True,
            answers=True,
            read_only=self.read_only,
            semi=self.semi,
            attached=self.attached,
            follows=bool(slave),
            receiving=self.receiving,
            applying=slave.get("Slave_SQL_Running") == "Yes",
            trouble=trouble[:160],
            complete=complete,
            declared=self.declared,
            unsafe_setting=unsafe_setting,
        )


def sequence_number(position: str, domain: int) -> int:
    """Return the sequence number of a GTID position in one domain.

    `7-1-5675` gives 5675 in domain 7; a position without the domain gives 0.
    """
    for gtid in filter(None, position.split(",")):
        number, _, rest = gtid.partition("-")
        if int(number) == domain:
            return int(rest.partition("-")[2])
    return 0


def find_unsafe_setting(link: DatabaseLink, server: int, domain: int) -> str:
    """Return in words a setting of a database under which acknowledged writes could be lost; "" means none.

    `server`, `domain`: the server_id and the GTID domain that the database should have.
    """
    names = [*NEEDED, "rpl_semi_sync_master_timeout", "server_id", "gtid_domain_id"]
    names += ["slave_parallel_threads"]
    values = link.first_row("SELECT " + ", ".join(f"@@{name} AS {name}" for name in names))
    for name, (wanted, why) in NEEDED.items():
        if values[name] != wanted:
            return f"{name} is {values[name]}, not {wanted}: {why}"
    if values["rpl_semi_sync_master_timeout"] < FOREVER:
        return "rpl_semi_sync_master_timeout is finite: it would commit alone in silence"
    if (values["server_id"], values["gtid_domain_id"]) != (server, domain):
        return "server_id or gtid_domain_id is not the cell's: this is another cell's database"
    if not values["slave_parallel_threads"]:
        return "slave_parallel_threads is 0: the copy would never catch up"
    if link.first_row(_OPEN_TO_ALL)["n"]:
        return "the user app may write though the database is read_only"
    return ""


def _read_ownership(link: DatabaseLink, platform: str, schema: str) -> tuple[str, int] | None:
    """Return the site that may write a platform's data (the owner) and its epoch, as this site's database has them.

    The epoch is a number that grows with each new owner. Every transaction that writes checks in this table first that
    its site is the owner. `None`: the row or the table does not exist yet.
    """
    row = _first_row(
        link, f"SELECT owner, epoch FROM `{schema}`.stores_cell WHERE platform=%s", platform
    )
    return (row["owner"], int(row["epoch"])) if row else None


def _read_pulse(link: DatabaseLink, platform: str, schema: str) -> int | None:
    """Return the liveness counter (pulse), which the owner's workers count up while they live; `None` without a row."""
    row = _first_row(
        link, f"SELECT beats FROM `{schema}`.failover_pulse WHERE platform=%s", platform
    )
    return int(row["beats"]) if row else None


def _first_row(link: DatabaseLink, query: str, value: str) -> dict[str, Any]:
    """Return the first row of a query, `{}` if there is none, or no table before the first migration.

    `value` is the query's one parameter.
    """
    try:
        return link.first_row(query, [value])
    except Failure as error:
        if error.args and error.args[0] == NO_SUCH_TABLE:
            return {}
        raise
