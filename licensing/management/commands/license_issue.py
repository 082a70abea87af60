"""`manage.py license_issue` seals a licence with the operator's key, and prints its text."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from licensing.rules.amounts import RESOURCES, Amounts, ports_enough_for
from licensing.rules.licence_text import BadLicence, Licence, read_key, seal

LIMIT_OPTIONS = {
    "small": ("small_conferences", "small conferences (up to 8 places) at once"),
    "large": ("large_conferences", "large conferences at once"),
    "software": ("software_terminals", "software terminals signed in at once"),
    "hardware": ("hardware_terminals", "hardware terminals"),
    "monitors": ("monitors", "monitors"),
    "media-ports": ("media_ports", "media ports"),
    "access-ports": ("access_ports", "terminals in conferences"),
}
"""Name of an option -> (the field of `Amounts` that it sets, its help)."""


class Command(BaseCommand):
    """The command issues a licence. It needs no database; the signing key is read from a file."""

    help = (
        "Issue a licence: prints the sealed text that manage.py license_import and the admin take."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the options for the values of the licence, and for the keys."""
        parser.add_argument("--key", type=Path, required=True, help="file of the signing key")
        parser.add_argument(
            "--sealing-key",
            type=Path,
            help="file of the sealing key (default: LICENSE_SEALING_KEY)",
        )
        parser.add_argument("--platform", required=True, help="MOID of the platform domain")
        parser.add_argument(
            "--issue", type=int, required=True, help="number; the highest one counts"
        )
        for option, (name, meaning) in LIMIT_OPTIONS.items():
            enough = " (default: enough to fill all conferences)" if name in RESOURCES else ""
            parser.add_argument(f"--{option}", type=int, help=meaning + enough)
        parser.add_argument(
            "--from", dest="begin", help="2026-01-31 or with time, UTC (default: now)"
        )
        parser.add_argument("--to", dest="end", help="the same; without it the licence has no end")

    def handle(
        self,
        *args: object,
        platform: str,
        issue: int,
        begin: str | None,
        end: str | None,
        key: Path,
        sealing_key: Path | None,
        **options: int | None,
    ) -> None:
        """Sign and encrypt (seal) the licence, and print its text.

        Raises CommandError if a limit, time or key is wrong.
        """
        amounts = _amounts_of_options(
            {name: options[option.replace("-", "_")] for option, (name, _) in LIMIT_OPTIONS.items()}
        )
        begins = _parse_time(begin) or datetime.now(UTC).replace(microsecond=0)
        try:
            licence = Licence(
                platform,
                issue,
                amounts,
                begins,
                _parse_time(end),
            )
            sealing_text = _read_if_given(sealing_key) or settings.LICENSE_SEALING_KEY
            text = seal(
                licence,
                read_key(_read_if_given(key), "--key"),
                read_key(sealing_text, "LICENSE_SEALING_KEY or --sealing-key"),
            )
        except (BadLicence, ValueError, OSError) as error:
            raise CommandError(str(error)) from None
        self.stdout.write(text)


def _amounts_of_options(options: dict[str, int | None]) -> Amounts:
    """Return the licensed amounts that the command's options set (name of an amount -> number).

    Without an option conferences are 0, and a resource is enough to fill all conferences.
    """
    small, large = options["small_conferences"] or 0, options["large_conferences"] or 0
    enough = dict.fromkeys(RESOURCES, ports_enough_for(small, large))
    return Amounts(
        **{**enough, **{name: value for name, value in options.items() if value is not None}}
    )


def _parse_time(text: str | None) -> datetime | None:
    """Return the time that the text of an option gives, in UTC; `None` without a text. Raises CommandError."""
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise CommandError(f"{text} is not a date; write 2026-01-31 or 2026-01-31T12:00") from None
    return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)


def _read_if_given(path: Path | None) -> str:
    """Return the text of a file; "" without a path."""
    return path.read_text() if path else ""
