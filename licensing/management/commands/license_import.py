"""`manage.py license_import` loads a licence that was issued for this platform."""

from __future__ import annotations

import sys
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError, CommandParser

from foundation.cells.directory import own_platform
from licensing.flows.load import load_licence
from licensing.management.commands.license_show import describe
from licensing.rules.decisions import Verdict
from licensing.rules.licence_text import BadLicence


class Command(BaseCommand):
    """The command saves a licence. A second run with the same licence changes nothing."""

    help = "Load a licence from a file, or from standard input with -."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the argument for the file with the licence's signed and encrypted text."""
        parser.add_argument("file", help="file with the sealed text; - for standard input")

    def handle(self, *args: object, file: str, **options: object) -> None:
        """Save the licence in the file (or on standard input) for this platform.

        Raises CommandError if it is refused.
        """
        try:
            text = sys.stdin.read() if file == "-" else Path(file).read_text()
            licence, decision = load_licence(own_platform(), text)
        except (BadLicence, OSError, UnicodeDecodeError) as error:
            raise CommandError(f"refused: {error}") from None
        outcome = "loaded" if decision.verdict is Verdict.NEW else "was loaded already"
        self.stdout.write(f"{outcome}: {describe(licence)}")
