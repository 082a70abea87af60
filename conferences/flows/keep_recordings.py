"""An operator says for how long a tenant keeps recordings; a timer puts older ones into the wastebasket."""

from __future__ import annotations

from datetime import timedelta

from conferences.data import recording_library
from conferences.models import RecordingRule
from foundation import clock
from foundation.bus.unit_of_work import begin
from foundation.cells.directory import store_of
from wire.error_codes import MEANING, Err


class RuleRefused(Exception):
    """The exception says why a rule cannot be saved or deleted; `code` is its error code."""

    def __init__(self, code: Err) -> None:
        """Refuse with this error code."""
        self.code = code
        super().__init__(MEANING[code])


def save_rule(platform: str, user_domain: str, kept_days: int, rule_id: int | None = None) -> int:
    """Save for how many days a user domain keeps its recordings, and return the id of the rule. Raises RuleRefused.

    `rule_id` is `None` for a new rule; a user domain has one at most.
    """
    with begin(platform) as uow:
        if not uow.is_open:
            raise RuleRefused(Err.NOT_SERVED)
        rows = RecordingRule.objects.using(uow.database).select_for_update()
        row = rows.filter(user_domain=user_domain).first()
        if row and row.pk != rule_id:
            raise RuleRefused(Err.NAME_TAKEN)
        if rule_id and row is None:
            raise RuleRefused(Err.NOT_FOUND)
        row = row or RecordingRule(user_domain=user_domain)
        row.kept_days = kept_days
        row.save(using=uow.database)
        return int(row.pk)


def delete_rule(platform: str, rule_id: int) -> None:
    """Delete a rule, so that recordings are kept until people delete them. Raises RuleRefused if there is none."""
    with begin(platform) as uow:
        if not uow.is_open:
            raise RuleRefused(Err.NOT_SERVED)
        if not RecordingRule.objects.using(uow.database).filter(pk=rule_id).delete()[0]:
            raise RuleRefused(Err.NOT_FOUND)


def delete_old(platform: str) -> None:
    """Put the recordings of a platform into the wastebasket that are older than their user domain keeps them."""
    database, now = store_of(platform).database, clock.now()
    for rule in RecordingRule.objects.using(database).all():
        before = now - timedelta(days=rule.kept_days)
        recording_library.delete_before(database, rule.user_domain, before, now)
