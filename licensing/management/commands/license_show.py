"""`manage.py license_show` shows the limits of this platform's licence, and until when it is valid."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError, CommandParser

from licensing.data import trusted_keys
from licensing.data.queries import state_of
from licensing.rules.decisions import StoredLicence, moment_in_words
from licensing.rules.licence_text import BadLicence, Licence


def describe(licence: Licence | StoredLicence) -> str:
    """Return a licence in words: issue, platform, validity and limits."""
    until = moment_in_words(licence.valid_to) if licence.valid_to else "without end"
    limits = ", ".join(
        f"{value} {name.replace('_', ' ')}" for name, value in asdict(licence.amounts).items()
    )
    begin = moment_in_words(licence.valid_from)
    return f"issue {licence.issue} for platform {licence.platform}, {begin} to {until}: {limits}"


class Command(BaseCommand):
    """The command shows a licence, and changes nothing."""

    help = "Show the licence of this platform, or the one in a file. Nothing is loaded."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the argument for a file with a licence's signed and encrypted text."""
        parser.add_argument("file", nargs="?", type=Path, help="a file with a sealed text")

    def handle(self, *args: object, file: Path | None, **options: object) -> None:
        """Print the licence in the file if one is given, else that of this platform, with a warning if it ends soon.

        Raises CommandError if the file cannot be read or its licence is not valid.
        """
        if file:
            try:
                self.stdout.write(describe(trusted_keys.verify(file.read_text())))
            except (BadLicence, OSError, UnicodeDecodeError) as error:
                raise CommandError(str(error)) from None
            return
        state = state_of()
        if state.licence:
            kind = "evaluation licence, " if state.licence.evaluation else ""
            self.stdout.write(f"{state.standing}: {kind}{describe(state.licence)}")
        if state.warning:
            self.stdout.write(self.style.WARNING(state.warning))
