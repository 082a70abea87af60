"""`manage.py list_messages` writes docs/messages.md, the list of all messages, from their classes."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from foundation.bus.listing import page


class Command(BaseCommand):
    """The command writes docs/messages.md, or, with `--check`, fails if the file is out of date."""

    help = "Write docs/messages.md from the message classes."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the options for the path of the file, and for comparing instead of writing."""
        parser.add_argument("--out", type=Path, default=settings.BASE_DIR / "docs" / "messages.md")
        parser.add_argument(
            "--check", action="store_true", help="write nothing; fail if it differs"
        )

    def handle(self, *args: object, out: Path, check: bool, **options: object) -> None:
        """Write the page, or compare it with the file. Raises CommandError if they differ."""
        text = page()
        if check:
            if not out.exists() or out.read_text() != text:
                raise CommandError(f"{out.name} is out of date; run: make messages")
            return
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(text)
        self.stdout.write(f"{out.name}: {text.count('### ')} messages")
