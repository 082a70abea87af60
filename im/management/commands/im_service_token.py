"""`manage.py im_service_token balance|media|comm_gb` issues the broker token of that program."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import timedelta

from django.core.management.base import BaseCommand
from django.db import transaction

from foundation import clock
from foundation.cells.directory import own_platform, store_of
from im.flows import revoke
from im.rules import tokens
from im.rules.broker_permissions import SERVICES


class Command(BaseCommand):
    """The command prints a token with which a program of ours, such as the load balancer, signs in at the broker.

    To rotate it: issue one, give it to the program, then issue another with `--alone`.
    """

    help = "Issue a token (broker password) for a service account; its user name is s.<name>."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the program's name, the token's lifetime, and whether earlier tokens are revoked."""
        parser.add_argument("name", choices=[user.removeprefix("s.") for user in sorted(SERVICES)])
        parser.add_argument("--days", type=int, default=90, help="lifetime in days (1 to 400)")
        parser.add_argument("--alone", action="store_true", help="revoke earlier tokens")

    def handle(self, *args: object, name: str, days: int, alone: bool, **options: object) -> None:
        """Print a new token for the program, and revoke earlier ones if requested."""
        user, now = f"s.{name}", clock.now()
        seconds = int(timedelta(days=min(max(days, 1), 400)).total_seconds())
        if alone:
            # The revocation is kept a day longer than the longest life of a token, which is 400 days.
            database = store_of(own_platform()).database
            with transaction.atomic(using=database):
                revoke.revoke_all(database, [user], int(timedelta(days=401).total_seconds()))
        # A token of the second of the revocation would be revoked as well.
        moment = now.timestamp() + 1 if alone else now.timestamp()
        text, _ = tokens.issue(user, own_platform(), tokens.Bearer.SERVICE, moment, seconds)
        self.stdout.write(text)
