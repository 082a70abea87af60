"""`manage.py doctor`: is this site sound, and if not, what is to be done."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import orjson
from django.core.management.base import BaseCommand, CommandParser

from conferences.management import doctor_checks
from foundation.cells.directory import own_platform


class Command(BaseCommand):
    """Examine servers, queues, clocks, counts and projections."""

    help = "Examine this site, and say in words what is wrong and what to do. Exit code 1 if anything is."

    def add_arguments(self, parser: CommandParser) -> None:
        """How to say it, and whether to mend."""
        parser.add_argument("--json", action="store_true", help="for programs")
        parser.add_argument("--mend", action="store_true", help="first rebuild projection and pool")

    def handle(self, *args: Any, **options: Any) -> None:
        """Examine all, tell all, then say by the exit code."""
        if options["mend"]:
            self.stderr.write(f"mended: {doctor_checks.mend(own_platform())}")
        found = list(doctor_checks.examine())
        if options["json"]:
            self._as_json(found)
        else:
            self._in_words(found)
        if any(not one.well for one in found):
            raise SystemExit(1)

    def _as_json(self, found: list[doctor_checks.Finding]) -> None:
        answer = {
            "well": all(one.well for one in found),
            "findings": [asdict(one) for one in found],
        }
        self.stdout.write(orjson.dumps(answer, option=orjson.OPT_INDENT_2).decode())

    def _in_words(self, found: list[doctor_checks.Finding]) -> None:
        for one in found:
            if one.well:
                self.stdout.write(f"  ok     {one.check}")
            else:
                self.stdout.write(self.style.ERROR(f"  WRONG  {one.check}: {one.wrong}"))
                self.stdout.write(f"         -> {one.todo}")
        bad = sum(not one.well for one in found)
        self.stdout.write(f"{bad} of {len(found)} need attention" if bad else "all is well")
