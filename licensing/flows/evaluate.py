"""A fresh installation works: the built-in evaluation licence, marked as such."""

from __future__ import annotations

from confplatform import clock
from licensing.models import Licence

SMALL, LARGE = 8, 2


def give_evaluation_licence(database: str, platform: str) -> None:
    """Give a platform that has no licence the evaluation licence."""
    if not Licence.objects.using(database).filter(platform=platform).exists():
        Licence.objects.using(database).create(
            platform=platform,
            issue=0,
            small_conferences=SMALL,
            large_conferences=LARGE,
            valid_from=clock.now(),
            evaluation=True,
        )
