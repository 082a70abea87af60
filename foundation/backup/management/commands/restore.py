"""`manage.py restore` restores a backup into the empty servers and folders that the settings name."""

from __future__ import annotations

from pathlib import Path

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from foundation.backup.errors import BackupError
from foundation.backup.parts import DATABASE
from foundation.backup.restore import Restore


class Command(BaseCommand):
    """The command `manage.py restore`. It changes nothing unless the whole backup can be restored."""

    help = "Restore a backup into empty servers and folders. See docs/backup.md."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the folder of the backup, and the options `--identity`, `--only` and `--settings-to`."""
        parser.add_argument("folder", type=Path, help="folder of the backup")
        parser.add_argument(
            "--identity", type=Path, required=True, help="file with the private key"
        )
        parser.add_argument(
            "--only", default="", help="parts to restore, by commas: database, folder, broker, …"
        )
        parser.add_argument(
            "--settings-to", type=Path, help="new folder for settings and keys of the backup"
        )

    def handle(
        self,
        *args: object,
        folder: Path,
        identity: Path,
        only: str,
        settings_to: Path | None,
        **options: object,
    ) -> None:
        """Check the backup, restore its parts, and migrate the database.

        Raises CommandError, which ends with code 1.
        """
        try:
            wanted = [name.strip() for name in only.split(",") if name.strip()]
            restore = Restore(folder, identity, wanted)
            for line in restore.run(settings_to):
                self.stdout.write(line)
        except BackupError as error:
            raise CommandError(str(error)) from None
        except OSError as error:
            raise CommandError(f"{error.filename or 'the restore'}: {error.strerror}") from None
        if DATABASE in restore.names:
            call_command("migrate", verbosity=0, interactive=False)
            self.stdout.write("next: start the processes, then manage.py doctor --mend")
