"""The cell agent observes a cell ten times a second, decides on one step, does it, and logs why.

A cell is one platform's data: a database at its own site and a copy at its backup site. Each of the
two sites has an agent.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from threading import Event, Thread

from failover.data.cells.config import Cell, Config
from failover.data.cells.connection import Failure
from failover.data.cells.observer import CellObserver
from failover.data.cells.register import Register, Report
from failover.data.cells.server_process import NoServer, Server
from failover.data.cells.steps import Steps, Unfinished, _do_nothing
from failover.rules.cell_decisions import decide
from failover.rules.cell_facts import Action, Facts, Limits, Step

log = logging.getLogger("failover.cells")

CYCLE_SECONDS, AT_ONCE, REPORT_SECONDS = 0.1, 0.01, 1.0


class Agent:
    """An agent looks after one platform's database at one site: starts it, protects it, and hands it over."""

    def __init__(
        self,
        cell: Cell,
        site: str,
        register: str,
        limits: Limits,
        crash_point: Callable[[str], None] = _do_nothing,
        authorities: str = "",
    ) -> None:
        """Prepare the agent of a cell (one platform's data) at this site. `register` is the URL of the register.

        `crash_point` is called at each crash point, where a test may end the agent. `authorities`: see `Config`.
        """
        self.cell, self.site, self.limits = cell, site, limits
        self.register = Register(register, cell.platform, site, authorities)
        self.observer = CellObserver(cell, site, Server(cell), self.register)
        self.steps = Steps(self.observer, crash_point)
        self.logged = ("", "")
        """The decision logged last: the action, and the sentence that says why."""
        self._reported_at = float("-inf")

    def run(self, end: Event) -> None:
        """Run the agent's cycles until `end` is set; the database goes on running without its agent.

        After a cycle with a step the next one follows at once, otherwise after CYCLE_SECONDS.
        """
        self.cell.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.observer.begin(end)
        pause = 0.0
        while not end.wait(pause):
            pause = AT_ONCE if self.cycle() else CYCLE_SECONDS

    def cycle(self) -> bool:
        """Observe the platform's databases, decide, and carry out one step.

        Return whether the step was done. Then the next cycle follows after 0.01 s, otherwise after
        0.1 s.
        """
        facts = self.observer.read_facts()
        step = decide(facts, self.limits, time.monotonic())
        changed = self._log_decision(step.action, step.because)
        acted = self._carry_out(step, facts)
        self._write_report(facts, step, changed)
        return acted

    def _carry_out(self, step: Step, facts: Facts) -> bool:
        """Carry out a step; return whether it was done. A failure is logged, and the next cycle decides anew."""
        if step.action is Action.NOTHING:
            return False
        try:
            self.steps.run(step, facts)
        except (Unfinished, Failure, NoServer, OSError) as error:
            self._log_decision(step.action, f"{step.because}: {error}")
            return False
        return True

    def _log_decision(self, do: str, because: str) -> bool:
        """Log what the agent does (`do`) and why, unless the last cycle logged the same; return whether it did."""
        if (do, because) == self.logged:
            return False
        self.logged = (do, because)
        log.info("%s at %s: %s", self.cell.platform, self.site, because)
        return True

    def _write_report(self, facts: Facts, step: Step, changed: bool) -> None:
        """Write this site's report about its database to the register, and to a file for operators, once a second.

        `changed`: the decision is another one than in the last cycle, so the report is written at once. If the register
        does not answer, the next cycle writes it.
        """
        now = time.monotonic()
        if not changed and now - self._reported_at < REPORT_SECONDS:
            return
        self._reported_at = now
        report = Report(
            role=_role(facts),
            well=self.observer.is_well(facts),
            lag=self.observer.lag,
            sentence=self.logged[1],
        )
        row = facts.row or facts.last
        ownership = {"owner": row.owner, "epoch": row.epoch, "solo": row.solo} if row else {}
        file = self.cell.directory / "status.json"
        state = {"sentence": report.sentence, "role": report.role, "lag": report.lag, **ownership}
        file.write_text(json.dumps({**state, "well": report.well, "at": time.time()}) + "\n")
        if facts.row is None:
            return
        try:
            self.register.write_report(report)
        except Failure as error:
            log.debug("report: %s", error)


def _role(facts: Facts) -> str:
    """Return the role of this site's database in one or two words for operators."""
    database = facts.own
    if not database.alive:
        return "down"
    if not database.answers:
        return "mute"
    if database.follows:
        return "copy"
    if database.read_only:
        return "closed"
    # Without semi-synchronous replication no commit waits for the copy: the owner is unprotected.
    return "owner" if database.semi else "owner, solo"


def run_agents(
    config: Config, end: Event, crash_point: Callable[[str], None] = _do_nothing
) -> None:
    """Run the agents of all cells (platforms' databases) of a site, each in a thread, until `end` is set.

    `crash_point` is called where a test may end the process. Raises SystemExit if one fails in an unforeseen way.
    """
    failed: list[str] = []
    threads = []
    for cell in config.cells:
        agent = Agent(
            cell, config.site, config.register, config.limits, crash_point, config.authorities
        )
        threads.append(Thread(target=_run_guarded, args=(agent, end, failed), daemon=True))
        threads[-1].start()
    for thread in threads:
        thread.join()
    if failed:
        raise SystemExit(f"the agent of {failed[0]} failed; whoever supervises it starts it again")


def _run_guarded(agent: Agent, end: Event, failed: list[str]) -> None:
    """Run an agent; when it fails in an unforeseen way, log that and end the agents of all cells."""
    try:
        agent.run(end)
    except Exception:
        log.exception("%s at %s", agent.cell.platform, agent.site)
        failed.append(agent.cell.platform)
        end.set()
