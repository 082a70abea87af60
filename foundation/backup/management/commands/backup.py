"""`manage.py backup` makes a backup of this site, lists the complete ones, or verifies one by restoring it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError

from foundation.backup.errors import BackupError
from foundation.backup.restore import Restore
from foundation.backup.write import own_backups, write_backup


class Command(BaseCommand):
    """The command `manage.py backup`. It writes into BACKUP_DIR, encrypted for the keys in BACKUP_RECIPIENTS_FILE."""

    help = "Back up this site under load: database, files, broker definitions, settings. See docs/backup.md."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options of the command: `--list`, `--without`, `--verify` and `--identity`."""
        parser.add_argument("--list", action="store_true", help="list the whole backups")
        parser.add_argument(
            "--without",
            default="",
            help="parts to leave out, by commas: database, folder, broker, settings, or 'folder NAME'",
        )
        parser.add_argument(
            "--verify",
            metavar="NAME",
            nargs="?",
            const="newest",
            help="restore a backup (default: the newest) into a scratch server, and make none",
        )
        parser.add_argument("--identity", help="file with the private key; for --verify alone")

    def handle(
        self,
        *args: object,
        list: bool,
        without: str,
        verify: str | None,
        identity: str | None,
        **options: object,
    ) -> None:
        """Make a backup; with `list` list them, with `verify` verify one.

        Raises CommandError, which ends with code 1.
        """
        try:
            if list:
                self._list()
            elif verify is not None:
                self._verify(verify, identity)
            else:
                self._write([name.strip() for name in without.split(",") if name.strip()])
        except BackupError as error:
            raise CommandError(str(error)) from None
        except DatabaseError as error:
            raise CommandError(f"the database does not answer: {error}") from None
        except OSError as error:
            raise CommandError(f"{error.filename or 'the backup'}: {error.strerror}") from None

    def _write(self, without: list[str]) -> None:
        """Make a backup, and then delete the oldest ones beyond BACKUP_KEEP.

        A backup `without` some parts deletes none, so that it takes the place of no complete one.
        """
        folder = write_backup(without)
        self.stdout.write(str(folder))
        if without:
            return
        store = own_backups()
        with store.alone():
            for name in store.drop_old(settings.BACKUP_KEEP):
                self.stdout.write(f"deleted {name}: {settings.BACKUP_KEEP} newer ones are kept")

    def _list(self) -> None:
        """Print a line for each complete backup, the newest first."""
        for folder, manifest in own_backups().backups():
            began = datetime.fromtimestamp(manifest.began, UTC)
            size = sum(part.bytes for part in manifest.parts)
            missing = f", without {', '.join(manifest.left_out)}" if manifest.left_out else ""
            self.stdout.write(
                f"{folder.name}  {began:%F %T} UTC  {size} bytes  release {manifest.version}{missing}"
            )

    def _verify(self, name: str, identity: str | None) -> None:
        """Restore a backup (`name`, or the `newest`) into a scratch server, and print what it holds.

        Raises BackupError. `identity` is the file with the private key.
        """
        if not identity:
            raise BackupError("name the private key by --identity")
        store = own_backups()
        backups = store.backups()
        if name == "newest" and not backups:
            raise BackupError(f"there is no backup in {store.folder}")
        folder = backups[0][0] if name == "newest" else store.folder / name
        for line in Restore(folder, Path(identity)).verify():
            self.stdout.write(line)
        self.stdout.write(f"{folder.name} is whole")
