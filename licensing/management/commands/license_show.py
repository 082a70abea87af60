"""`manage.py license_show`: what this platform may do, what its licence is worth, how long."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from licensing.data import trusted_keys
from licensing.data.queries import state_of
from licensing.rules.decisions import Held, when
from licensing.rules.licence_text import BadLicence, Licence


def describe(one: Licence | Held) -> str:
    """A licence in one paragraph."""
    until = when(one.valid_to) if one.valid_to else "without end"
    limits = ", ".join(
        f"{value} {name.replace('_', ' ')}" for name, value in asdict(one.amounts).items()
    )
    return f"issue {one.issue} for platform {one.platform}, {when(one.valid_from)} to {until}: {limits}"


class Command(BaseCommand):
    """Looks, changes nothing."""

    help = "Show the licence of this platform, or what a file says (-- nothing is loaded)."

    def add_arguments(self, parser: CommandParser) -> None:
        """Of what."""
        parser.add_argument("file", nargs="?", type=Path, help="a file with a sealed text")

    def handle(self, *args: Any, **options: Any) -> None:
        """Say it."""
        if options["file"]:
            try:
                self.stdout.write(describe(trusted_keys.verify(options["file"].read_text())))
            except (BadLicence, OSError, UnicodeDecodeError) as wrong:
                raise CommandError(str(wrong)) from None
            return
        state = state_of()
        if state.held:
            kind = "evaluation licence, " if state.held.evaluation else ""
            self.stdout.write(f"{state.standing}: {kind}{describe(state.held)}")
        if state.warning:
            self.stdout.write(self.style.WARNING(state.warning))
