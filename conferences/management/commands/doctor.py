"""`manage.py doctor` examines this site, and prints what is wrong and what to do."""

from __future__ import annotations

from dataclasses import asdict

import orjson
from django.core.management.base import BaseCommand, CommandParser

from conferences.management import doctor_checks
from conferences.management.rebuild import rebuild_redis_and_counts
from foundation.cells.directory import own_platform
from foundation.web.findings import Finding


class Command(BaseCommand):
    """The command examines servers, queues, clocks, counts and projections."""

    help = "Examine this site; say what is wrong and what to do. Exit code 1 if anything is wrong."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the options for the form of the report and for repairs."""
        parser.add_argument("--json", action="store_true", help="report as JSON, for programs")
        parser.add_argument(
            "--mend",
            action="store_true",
            help="first rebuild the projections and the pool from the database",
        )

    def handle(self, *args: object, mend: bool, json: bool, **options: object) -> None:
        """Run all checks and print their findings; exit with code 1 if one found something wrong."""
        if mend:
            self.stderr.write(f"mended: {rebuild_redis_and_counts(own_platform())}")
        findings = list(doctor_checks.examine_site())
        if json:
            self._print_json(findings)
        else:
            self._print_text(findings)
        if any(not finding.is_ok for finding in findings):
            raise SystemExit(1)

    def _print_json(self, findings: list[Finding]) -> None:
        """Print the findings as JSON, for programs."""
        report = {
            "well": all(finding.is_ok for finding in findings),
            "findings": [asdict(finding) for finding in findings],
        }
        self.stdout.write(orjson.dumps(report, option=orjson.OPT_INDENT_2).decode())

    def _print_text(self, findings: list[Finding]) -> None:
        """Print a line for each finding, and below each fault what to do."""
        for finding in findings:
            if finding.is_ok:
                self.stdout.write(f"  ok     {finding.check}")
            else:
                self.stdout.write(self.style.ERROR(f"  WRONG  {finding.check}: {finding.wrong}"))
                self.stdout.write(f"         -> {finding.todo}")
        count = sum(not finding.is_ok for finding in findings)
        self.stdout.write(f"{count} of {len(findings)} need attention" if count else "all is well")
