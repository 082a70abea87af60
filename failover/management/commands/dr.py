"""`manage.py dr` shows which site serves each platform, and lets operators change it.

Its actions are `status|takeover|handback|mode|drill|fence|withdraw|salvage`.
"""

from __future__ import annotations

import getpass
import json
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import TypedDict, Unpack

from django.core.management.base import BaseCommand, CommandError, CommandParser

from domains.models import PlatformDomain
from failover.data import register_view
from failover.flows import operator_requests, status, unreplicated_requests
from failover.rules.cell_facts import Mode, RegisterRow

PATIENCE_SECONDS = 120.0
_WORDS = ["status", "takeover", "handback", "mode", "drill", "fence", "withdraw", "salvage"]


class Options(TypedDict):
    """The arguments of the command, as `add_arguments` describes them."""

    what: str
    platform: str
    mode: str
    json: bool
    dry_run: bool
    yes: bool
    anyway: bool
    done: bool
    force: bool


class Command(BaseCommand):
    """The command writes a request to the register, and waits until the agents have carried it out.

    It reports a request that they have not carried out within 120 s.
    """

    help = "Show who serves which platform; take over, hand back, rehearse."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the arguments: an action, the platform by name or MOID, and options."""
        parser.add_argument("what", choices=_WORDS)
        parser.add_argument("platform", nargs="?", default="")
        parser.add_argument("mode", nargs="?", default="", choices=["", *Mode])
        parser.add_argument("--json", action="store_true", help="for programs")
        parser.add_argument("--dry-run", action="store_true", help="say what would be done")
        parser.add_argument("--yes", action="store_true", help="do not ask")
        parser.add_argument("--anyway", action="store_true", help="take over a healthy platform")
        parser.add_argument("--done", action="store_true", help="salvage: all is dealt with")
        parser.add_argument("--force", action="store_true", help="even if writes may be lost")

    def handle(self, *args: object, **options: Unpack[Options]) -> None:
        """Run the action that the operator typed (`what`). A refusal is printed as one sentence, with exit code 1."""
        self._options = options
        try:
            if options["what"] == "status":
                return self._print_status()
            self._run_action(_find_platform(options["platform"]))
        except operator_requests.RequestRefused as why:
            raise CommandError(str(why)) from None
        except register_view.Failure as error:
            raise CommandError(f"the register is away: {error}") from None
        return None

    def _run_action(self, platform: str) -> None:
        """Ask the operator for confirmation, then carry out the action for this platform."""
        action, dry = self._options["what"], self._options["dry_run"]
        self._confirm(platform)
        if action == "mode":
            mode = Mode(self._options["mode"] or "auto")
            request = operator_requests.set_mode(platform, _operator_name(), mode, dry_run=dry)
            return self._print_outcome({"done": request.sentence, "dry_run": dry})
        if action == "drill":
            return self._rehearse(platform)
        if action == "salvage":
            return self._list_missing_requests(platform)
        if action == "withdraw":
            request = operator_requests.withdraw(platform, _operator_name(), dry_run=dry)
            return self._print_outcome({"done": request.sentence, "dry_run": dry})
        return self._move(platform, action)

    def _move(self, platform: str, action: str) -> None:
        """Request a takeover, hand-back or fencing, wait until the other site serves, and print how long it took.

        With the option `--dry-run` only check and print whether the request would be accepted.
        """
        began = time.monotonic()
        request = self._write_request(platform, action)
        outcome: dict[str, object] = {"done": request.sentence, "dry_run": self._options["dry_run"]}
        if not self._options["dry_run"]:
            to = {"takeover": request.row.backup, "handback": request.row.home}.get(
                action, request.row.other(request.row.owner)
            )
            row = _wait_for_row(platform, lambda row: row.owner == to)
            outcome |= {"seconds": round(time.monotonic() - began, 2), "epoch": row.epoch}
        self._print_outcome(outcome)

    def _write_request(
        self, platform: str, action: str, *, anyway: bool = False
    ) -> operator_requests.OperatorRequest:
        """Write the request for a takeover, hand-back or fencing of a platform, and return it.

        `anyway` allows a takeover from a healthy site.
        """
        dry = self._options["dry_run"]
        if action == "handback":
            return operator_requests.handback(platform, _operator_name(), dry_run=dry)
        if action == "fence":
            return operator_requests.fence(
                platform, _operator_name(), force=self._options["force"], dry_run=dry
            )
        anyway, force = anyway or self._options["anyway"], self._options["force"]
        return operator_requests.takeover(
            platform, _operator_name(), anyway=anyway, force=force, dry_run=dry
        )

    def _rehearse(self, platform: str) -> None:
        """Rehearse: let the backup site take over a platform and hand it back, and print how long each took."""
        began = time.monotonic()
        request = self._write_request(platform, "takeover", anyway=True)
        if self._options["dry_run"]:
            return self._print_outcome(
                {"done": f"drill: {request.sentence}, then back", "dry_run": True}
            )
        _wait_for_row(platform, lambda row: row.owner == request.row.backup and not row.solo)
        taken_over_at = time.monotonic()
        _wait_until_healthy(platform)
        well_at = time.monotonic()
        self._write_request(platform, "handback")
        row = _wait_for_row(platform, lambda row: row.owner == request.row.home and not row.solo)
        times = {"takeover": taken_over_at - began, "handback": time.monotonic() - well_at}
        return self._print_outcome(
            {
                "done": "drill: there and back, protected",
                "epoch": row.epoch,
                "seconds": {name: round(seconds, 2) for name, seconds in times.items()},
            }
        )

    def _list_missing_requests(self, platform: str) -> None:
        """Print the requests that are missing after a forced takeover; `--done` marks them as dealt with."""
        if self._options["done"] and not self._options["dry_run"]:
            return self._print_outcome(
                {"done": unreplicated_requests.mark_done(platform, _operator_name())}
            )
        requests = unreplicated_requests.list_missing(platform)
        if self._options["json"]:
            return self.stdout.write(
                json.dumps([asdict(request) for request in requests], default=str)
            )
        for request in requests:
            line = f"{request.at:%Y-%m-%d %H:%M:%S} {request.kind} {request.number} {request.reqid}: {request.answer}"
            self.stdout.write(line)
        return self.stdout.write(f"{len(requests)} requests are not known where it is served")

    def _confirm(self, platform: str) -> None:
        """Ask the operator to type "yes" before anything is changed. Raises CommandError on another answer.

        Nothing is asked with `--yes`, `--dry-run`, or for a `salvage` that only shows.
        """
        sentence = f"{self._options['what']} of {platform} {self._options['mode']}".strip()
        changes_nothing = self._options["what"] == "salvage" and not self._options["done"]
        if self._options["yes"] or self._options["dry_run"] or changes_nothing:
            return
        if input(f"{sentence}: type yes to go on: ") != "yes":
            raise CommandError("nothing was done")

    def _print_status(self) -> None:
        """Print which site serves each platform, its databases at both sites, and the last ten changes.

        As JSON with `--json`.
        """
        facts = status.read_status()
        if self._options["json"]:
            self.stdout.write(json.dumps(facts, indent=1))
            return
        if facts["away"]:
            self.stdout.write(facts["away"])
        for remark in facts["remarks"]:
            self.stdout.write(f"  {remark}")
        for cell in facts["cells"]:
            self._print_platform(cell)
        for event in facts["events"][:10]:
            self.stdout.write(f"  {event['at']} {event['platform']}: {event['because']}")

    def _print_platform(self, cell: status.CellStatus) -> None:
        """Print the state of one platform, and of its database at each of its two sites."""
        protection = "protected" if cell["protected"] else "solo"
        head = f"{cell['name']}: {cell['state']}, served by {cell['owner']}, epoch {cell['epoch']}"
        self.stdout.write(f"{head}, {protection}, mode {cell['mode']}")
        for copy in cell["copies"]:
            lag = "" if copy["lag"] is None else f", {copy['lag']} transactions behind"
            self.stdout.write(f"  {copy['site']}: {copy['role']}{lag}: {copy['sentence']}")

    def _print_outcome(self, outcome: dict[str, object]) -> None:
        """Print the outcome of an action: as JSON, or as `name: value` pairs in one line."""
        if self._options["json"]:
            self.stdout.write(json.dumps(outcome))
        else:
            self.stdout.write(", ".join(f"{name}: {value}" for name, value in outcome.items()))


def _find_platform(name: str) -> str:
    """Return the MOID of the platform that an operator names by MOID or name. Raises CommandError."""
    platforms = PlatformDomain.objects.filter(pk=name) | PlatformDomain.objects.filter(name=name)
    platform = platforms.values_list("pk", flat=True).first()
    if platform is None:
        raise CommandError(f"which platform? {name or 'none'} is not one of the tree")
    return str(platform)


def _operator_name() -> str:
    """Return the name of the operator who runs this command, as the register's history shows it."""
    return f"{getpass.getuser()} (dr)"


def _wait_for_row(platform: str, condition: Callable[[RegisterRow], bool]) -> RegisterRow:
    """Wait until a platform's register row fulfils a condition, and return the row.

    Raises CommandError after PATIENCE_SECONDS seconds.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        row = register_view.read().rows[platform]
        if condition(row):
            return row
        if time.monotonic() > deadline:
            raise CommandError("asked for, and not done yet: see dr status for why")
        time.sleep(0.05)


def _wait_until_healthy(platform: str) -> None:
    """Wait until the platform's own site, now the copy, could serve it again.

    Raises CommandError after PATIENCE_SECONDS seconds.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        view = register_view.read()
        report = view.reports.get(platform, {}).get(view.rows[platform].home)
        if report is not None and report.fresh and report.well and report.role == "copy":
            return
        if time.monotonic() > deadline:
            raise CommandError("home is not well again: see dr status for why")
        time.sleep(0.1)
