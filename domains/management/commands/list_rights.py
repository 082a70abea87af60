"""`manage.py list_rights` writes docs/rights.md from the table of administrators' rights."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from domains.rules.rights import rights_page


class Command(BaseCommand):
    """The command writes the table of administrators' rights, docs/rights.md."""

    help = "Write docs/rights.md from what each app declares in its apps.py."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the option for the path of the file to write."""
        parser.add_argument("--out", type=Path, default=settings.BASE_DIR / "docs" / "rights.md")

    def handle(self, *args: object, out: Path, **options: object) -> None:
        """Write the table of administrators' rights to the file `out`."""
        out.write_text(rights_page())
        self.stdout.write(f"{out.name}: written")
