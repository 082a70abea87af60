"""The steps of a cell agent are carried out on real databases; each may be repeated after a crash.

A cell is one platform's data: a database at its own site and a copy at its backup. Between two
actions `crash_point` is called with a name of that place; tests let the agent die there.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Thread

from failover.data.cells.connection import NO_SUCH_TABLE, DatabaseLink, Failure
from failover.data.cells.observer import CellObserver
from failover.rules.cell_facts import Action, Facts, RegisterRow, Step

DRAINED = "Slave has read all relay log"
SET_SEMI_SYNC = "SET GLOBAL rpl_semi_sync_master_enabled="
_DECLARE = (
    "INSERT INTO `{schema}`.stores_cell (platform, owner, epoch) VALUES (%s, %s, %s)"
    " ON DUPLICATE KEY UPDATE owner=VALUES(owner), epoch=VALUES(epoch)"
)


class Unfinished(Exception):
    """The step could not be finished now; the text says why. The agent decides anew in its next cycle."""


def _do_nothing(_crash_point: str) -> None:
    """Do nothing: called at points where a test may end the process instead, to see what a crash there does."""
    return


class Steps:
    """The steps carry out what the agent of a cell (a platform's data) decides, on databases and in the register."""

    def __init__(
        self, observer: CellObserver, crash_point: Callable[[str], None] = _do_nothing
    ) -> None:
        """Prepare the steps on what `observer` observes. `crash_point` is called where a test may end the agent."""
        self._observer, self._memory = observer, observer.memory
        self._cell, self._server, self._register = observer.cell, observer.server, observer.register
        self._crash_point = crash_point
        # STOP SLAVE takes two seconds while packets to the other site vanish.
        self._link = DatabaseLink(unix_socket=str(observer.server.socket), user="root", seconds=4)
        self._confirmation: Confirmation | None = None
        self._methods: dict[Action, Callable[[Step, Facts], None]] = {
            Action.NOTHING: lambda step, facts: None,
            Action.START_AS_OWNER: self._start_as_owner,
            Action.START_AS_COPY: self._start_as_copy,
            Action.RESTART: lambda step, facts: self._server.kill(),
            # Semi-synchronous replication is not switched off: that would commit what waits for the copy.
            Action.FENCE: lambda step, facts: self._server.kill(),
            Action.REBUILD: self._rebuild,
            Action.FOLLOW: self._follow_again,
            Action.WRITE_OWNERSHIP: self._write_ownership,
            Action.PROMOTE: self._promote,
            Action.PROTECT: self._protect,
            Action.GO_UNPROTECTED: lambda step, facts: self._go_unprotected(_row_of(step)),
            Action.OPEN: lambda step, facts: self._open_for_writes(_row_of(step)),
            Action.DECLARE: lambda step, facts: self._write_ownership_locally(_row_of(step)),
            Action.HAND_OVER: self._hand_over,
            Action.ASK: self._write_request,
            Action.WITHDRAW: self._write_request,
        }

    def run(self, step: Step, facts: Facts) -> None:
        """Carry out one step that the agent has decided on from these facts.

        Raises Unfinished, Failure or NoServer: whether the step had an effect is then unknown.
        """
        self._methods[step.action](step, facts)

    # ---- the process ------------------------------------------------------------------------

    def _start_as_owner(self, step: Step, facts: Facts) -> None:
        """Start the database server as owner (the one that takes writes), with all writes that its log contains."""
        self._forget_connections()
        self._server.start(keep_tail=True)

    def _start_as_copy(self, step: Step, facts: Facts) -> None:
        """Start the database server as a copy; `step.keep` says whether unconfirmed writes in its log are kept."""
        self._forget_connections()
        self._server.start(keep_tail=step.keep)

    def _rebuild(self, step: Step, facts: Facts) -> None:
        """Move the data of this copy away, so that the next start copies everything from the owner anew."""
        self._server.put_data_aside()
        self._observer.served.unlink(missing_ok=True)

    def _forget_connections(self) -> None:
        """Close the connection to the database, and drop the commit that checks the copy: a new process starts."""
        self._link.close()
        self._confirmation = None

    # ---- the copy ---------------------------------------------------------------------------

    def _follow_again(self, step: Step, facts: Facts) -> None:
        """Make the database copy from the owner again, and keep what it has received but not applied yet.

        MariaDB keeps that as long as one of the two replication threads runs. So only the receiving
        thread is stopped before both are started.
        """
        if not facts.own.follows:
            return self._follow()
        self._memory.followed_at = time.monotonic()
        if not facts.own.applying:
            self._observer.complete.unlink(missing_ok=True)
        self._link.execute("STOP SLAVE IO_THREAD")
        self._link.execute("START SLAVE")
        return None

    def _follow(self) -> None:
        """Configure this site's database as a copy (replica) of the other site's, and start replication."""
        cell = self._cell
        self._memory.followed_at = time.monotonic()
        self._observer.complete.unlink(missing_ok=True)  # The copy no longer counts as complete.
        encrypted = ", master_ssl=1, master_ssl_verify_server_cert=1, master_ssl_ca=%s"
        self._link.execute(
            "CHANGE MASTER TO master_host=%s, master_port=%s, master_user='copy',"
            " master_password=%s, master_use_gtid=slave_pos, master_connect_retry=1,"
            " master_heartbeat_period=0.5, master_demote_to_slave=1"
            + (encrypted if cell.tls else ", master_ssl=0"),
            [
                *(cell.peer_host, cell.peer_port, cell.copy_password),
                *([str(cell.tls.authorities)] if cell.tls else []),
            ],
        )
        self._crash_point("follow: told whom")
        self._link.execute("START SLAVE")

    def _promote(self, step: Step, facts: Facts) -> None:
        """Turn the copy of a platform's database into its owner: stop receiving, apply the rest, end the replication.

        From the first statement on, this copy acknowledges nothing to the former owner any more.
        """
        self._link.execute("STOP SLAVE IO_THREAD")
        self._crash_point("promote: deaf")
        self._link.execute("START SLAVE SQL_THREAD")
        self._apply_received()
        self._crash_point("promote: drained")
        self._link.execute("STOP SLAVE")
        self._link.execute("RESET SLAVE ALL")
        self._crash_point("promote: no copy any more")

    def _apply_received(self) -> None:
        """Wait until all received transactions are applied; raise Unfinished after 10 s or on an error.

        The state text of SHOW SLAVE STATUS says when that is so. `Gtid_IO_Pos` does not: it may
        name a transaction of which only a part was received.
        """
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            status = self._link.first_row("SHOW SLAVE STATUS")
            if status.get("Last_SQL_Errno"):
                raise Unfinished(
                    f"what was received can not be applied: {status['Last_SQL_Error']}"
                )
            if (status.get("Slave_SQL_Running_State") or "").startswith(DRAINED):
                return
            time.sleep(0.005)
        raise Unfinished("still applying what was received")

    # ---- the owner --------------------------------------------------------------------------

    def _write_ownership(self, step: Step, facts: Facts) -> None:
        """Write a new owner, or the right to commit unprotected, to the register, with a new epoch (a counter).

        Raises Unfinished if the row was changed meanwhile. Only a certain success gives the right
        to commit without waiting for the copy (unprotected); a lost answer does not.
        """
        after = _row_of(step)
        if not self._replace_register_row(step, facts):
            raise Unfinished("the register was changed meanwhile")
        if after.owner == self._observer.site:
            self._memory.unprotected_epoch = after.epoch
        # From now on the copy has the usual time to acknowledge the next commit.
        self._memory.acked_at = time.monotonic()
        self._crash_point("claim: won")
        if facts.row and facts.row.owner == after.owner and not facts.own.read_only:
            self._go_unprotected(after)

    def _go_unprotected(self, row: RegisterRow) -> None:
        """Let commits no longer wait for the copy's acknowledgement.

        Raises Unfinished unless this very process of the agent has written to the register the
        epoch (number of the ownership) that allows that (`solo`).
        """
        if self._memory.unprotected_epoch != row.epoch:
            raise Unfinished("not certain to own it alone")
        self._confirmation = None
        self._link.execute(SET_SEMI_SYNC + "0")

    def _protect(self, step: Step, facts: Facts) -> None:
        """Let commits wait for the copy's acknowledgement again, and then write that (`protected`) to the register."""
        self._link.execute(SET_SEMI_SYNC + "1")
        self._crash_point("protect: waits")
        self._confirm()
        # From here on the register may say "protected" at any time, so committing unprotected needs
        # a new epoch.
        self._memory.unprotected_epoch = 0
        self._replace_register_row(step, facts)
        self._crash_point("protect: told")

    def _open_for_writes(self, row: RegisterRow) -> None:
        """Let this site's database take writes, once its copy acknowledges them or the register says `solo`.

        `solo` means unprotected: commits do not wait for the copy. Raises Unfinished while no copy acknowledges.
        """
        self._observer.served.touch()
        if row.solo:
            self._go_unprotected(row)
        else:
            self._link.execute(SET_SEMI_SYNC + "1")
            self._crash_point("open: waits")
            self._confirm()
        self._write_ownership_locally(row)
        self._crash_point("open: declared")
        self._link.execute("SET GLOBAL read_only=0")

    def _write_ownership_locally(self, row: RegisterRow) -> None:
        """Write owner and epoch (number of the ownership) into the own database, where transactions read who may write.

        Does nothing before the first migration has made the table.
        """
        query = _DECLARE.format(schema=self._cell.schema)
        try:
            self._link.execute(query, [row.platform, row.owner, row.epoch])
        except Failure as error:
            if error.args[0] != NO_SUCH_TABLE:
                raise

    def _confirm(self) -> None:
        """Check by a commit of our own that the copy acknowledges commits. Raises Unfinished while it has not.

        Acknowledgements come in order, so the copy then has everything that was committed before.
        """
        if self._confirmation is None or self._confirmation.failed:
            self._confirmation = Confirmation(str(self._server.socket))
        if not self._confirmation.has_come():
            raise Unfinished("the copy has not acknowledged yet")
        self._confirmation = None

    # ---- to the other site --------------------------------------------------------------------

    def _hand_over(self, step: Step, facts: Facts) -> None:
        """Hand the platform over to the other site, which becomes the owner of its data.

        This database is closed for writes, the copy catches up, the register is changed, and this database becomes the
        copy. Until the register is changed the database can be opened again, as if nothing had happened. Raises
        Unfinished if the copy does not catch up, or if the register was changed meanwhile; Failure if a database does
        not answer.
        """
        cell = self._cell
        peer = DatabaseLink(
            host=cell.peer_host,
            port=cell.peer_port,
            user="copy",
            password=cell.copy_password,
            **cell.peer_tls(),
        )
        try:
            # The copy catches up first while writes still come, so that the database is closed only for a moment.
            self._wait_for(peer, 0.5)
            # Closing waits for statements that are writing: for a second at most.
            self._link.execute("SET lock_wait_timeout=1")
            self._link.execute("SET GLOBAL read_only=1")
            self._crash_point("hand over: closed")
            try:
                self._wait_for(peer, 0.2)
            except (Unfinished, Failure):
                self._link.execute("SET GLOBAL read_only=0")
                raise
        finally:
            peer.close()
        self._crash_point("hand over: drained")
        if not self._replace_register_row(step, facts):
            raise Unfinished("the register was changed meanwhile")
        self._crash_point("hand over: told")
        self._confirmation = None
        self._link.execute(SET_SEMI_SYNC + "0")  # The other site has every commit, so none waits.
        self._follow()

    def _wait_for(self, peer: DatabaseLink, seconds: float) -> None:
        """Wait until the other site's database (`peer`) has applied every transaction of this one.

        Raises Unfinished after `seconds`.
        """
        position = self._link.value("@@gtid_binlog_pos")
        if peer.value(f"MASTER_GTID_WAIT('{position}', {seconds})") != 0:
            raise Unfinished("the other site lags")

    # ---- the register -----------------------------------------------------------------------

    def _replace_register_row(self, step: Step, facts: Facts) -> bool:
        """Replace the platform's row in the register by the row of this step; return whether it was replaced.

        `False` means that another agent or an operator has changed the row meanwhile. Raises
        Unfinished and Failure.
        """
        if facts.row is None:
            raise Unfinished("the register is unreachable")
        after = _row_of(step)
        return self._register.compare_and_set(
            facts.row, after, step.kind, step.because, automatic=step.automatic
        )

    def _write_request(self, step: Step, facts: Facts) -> None:
        """Write or withdraw, in the register, a request to the other site to hand the platform over."""
        if facts.row is not None:
            self._register.write_request(facts.row, _row_of(step), step.kind, step.because)


class Confirmation:
    """A confirmation is a commit that waits, in a thread of its own, for the copy's acknowledgement.

    It waits for as long as that takes, and cannot be cancelled.
    """

    def __init__(self, socket: str) -> None:
        """Begin the commit, in a thread, on the database at this Unix socket; wait up to an hour for it."""
        self._link = DatabaseLink(unix_socket=socket, user="root", seconds=3600)
        self._done = False
        """Whether the copy has acknowledged the commit."""
        self._thread = Thread(target=self._commit, daemon=True)
        self._thread.start()

    def has_come(self) -> bool:
        """Return whether the copy has acknowledged the commit, after waiting up to 0.4 s."""
        self._thread.join(0.4)
        return self._done

    @property
    def failed(self) -> bool:
        """Return whether the commit has ended with an error, so that another one must be made."""
        return not self._done and not self._thread.is_alive()

    def _commit(self) -> None:
        """Commit a row that no application reads; the commit returns once the copy has acknowledged it."""
        try:
            self._link.execute("UPDATE cell.confirmation SET n = n + 1 WHERE id = 1")
            self._done = True
        except Failure:
            self._done = False
        finally:
            self._link.close()


def _row_of(step: Step) -> RegisterRow:
    """Return the register's row that a step writes. Raises Unfinished if the step has none."""
    if step.row is None:
        raise Unfinished("a step without a row")
    return step.row
