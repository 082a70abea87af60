"""A new platform gets the built-in evaluation licence, so that it works at once."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC

from foundation.cells import sql
from licensing.models import Licence
from licensing.rules.amounts import EVALUATION


def give_evaluation_licence(database: str, platform: str) -> None:
    """Save the built-in evaluation licence (issue 0) for a platform that has never had a licence."""
    if not Licence.objects.using(database).filter(platform=platform).exists():
        now = sql.select(database, "SELECT UTC_TIMESTAMP(6)")[0][0]
        Licence.objects.using(database).create(
            platform=platform,
            issue=0,
            valid_from=now.replace(tzinfo=UTC),
            evaluation=True,
            **asdict(EVALUATION),
        )
