"""`manage.py license_keygen` makes the keys to issue licences at the central site, and to read them at all sites."""

from __future__ import annotations

import os
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError, CommandParser

from licensing.rules.licence_text import generate_keys, write_key


class Command(BaseCommand):
    """The command writes three key files, and never overwrites one."""

    help = "Make keys for licences: OUT.signing.key stays with who issues them, the others go to every site."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the option for the path with which the names of the key files begin."""
        parser.add_argument(
            "--out", type=Path, required=True, help="path that the files' names begin with"
        )

    def handle(self, *args: object, out: Path, **options: object) -> None:
        """Write the three key files, readable by their owner only, and print what each is for.

        Raises CommandError if one exists.
        """
        paths = [
            out.with_name(f"{out.name}.{kind}.key") for kind in ("signing", "public", "sealing")
        ]
        if existing := [str(path) for path in paths if path.exists()]:
            raise CommandError(f"{', '.join(existing)} is there already; choose another --out")
        out.parent.mkdir(parents=True, exist_ok=True)
        for path, key in zip(paths, generate_keys(), strict=True):
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(write_key(key) + "\n")
        self.stdout.write(
            f"{paths[0]}   for license_issue --key; keep it where licences are issued\n"
            f"{paths[1]}   LICENSE_PUBLIC_KEY (or LICENSE_PUBLIC_KEY_FILE) of every site\n"
            f"{paths[2]}   LICENSE_SEALING_KEY (or LICENSE_SEALING_KEY_FILE) of every site"
        )
