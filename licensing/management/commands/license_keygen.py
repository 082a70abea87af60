"""`manage.py license_keygen` makes the keys with which a core issues licences and its sites read them."""

from __future__ import annotations

import os
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError, CommandParser

from licensing.rules.licence_text import new_keys, write_key


class Command(BaseCommand):
    """The command writes three key files, and never overwrites one."""

    help = "Make keys for licences: OUT.signing.key stays with who issues them, the others go to every site."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the path of the files."""
        parser.add_argument(
            "--out", type=Path, required=True, help="path that the files' names begin with"
        )

    def handle(self, *args: object, out: Path, **options: object) -> None:
        """Write the files, readable by their owner only."""
        names = [
            out.with_name(f"{out.name}.{kind}.key") for kind in ("signing", "public", "sealing")
        ]
        if existing := [str(name) for name in names if name.exists()]:
            raise CommandError(f"{', '.join(existing)} is there already; choose another --out")
        out.parent.mkdir(parents=True, exist_ok=True)
        for name, key in zip(names, new_keys(), strict=True):
            descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(write_key(key) + "\n")
        self.stdout.write(
            f"{names[0]}   for license_issue --key; keep it where licences are issued\n"
            f"{names[1]}   LICENSE_PUBLIC_KEY (or LICENSE_PUBLIC_KEY_FILE) of every site\n"
            f"{names[2]}   LICENSE_SEALING_KEY (or LICENSE_SEALING_KEY_FILE) of every site"
        )
