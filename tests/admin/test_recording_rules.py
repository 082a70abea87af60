"""Operators say for how long a tenant keeps its recordings; a timer puts older ones into the wastebasket."""

from __future__ import annotations

from datetime import timedelta

from conferences.flows import keep_recordings
from conferences.models import Recording, RecordingRule
from domains.management.commands.load_demo import DEMO_TENANT
from foundation import clock
from tests.admin.test_pages import url
from tests.admin.test_stored import says
from tests.web_clients import Browser

RULE = "conferences.RecordingRule"
FORM = {"kept_days": "10", "tenant": DEMO_TENANT}


def record(name: str, tenant: str, days: int) -> None:
    """Store a recording that was made so many days ago."""
    begun = clock.now() - timedelta(days=days)
    Recording.objects.create(
        id=name * 32, confid=name, name=name, user_domain=tenant, begun_at=begun, state="done"
    )


def in_wastebasket() -> set[str]:
    """Return the names of the recordings that are deleted."""
    rows = Recording.objects.exclude(deleted_at=None)
    return set(rows.values_list("name", flat=True))


def test_old_recordings_of_a_tenant_with_a_rule_are_deleted_and_others_stay(
    operator: Browser, platform: str
) -> None:
    for name, tenant, days in (
        ("a", DEMO_TENANT, 11),
        ("b", DEMO_TENANT, 9),
        ("c", "another", 4000),
    ):
        record(name, tenant, days)
    keep_recordings.delete_old(platform)
    assert in_wastebasket() == set()
    assert operator.post(url(RULE, "add"), FORM).status_code == 302
    keep_recordings.delete_old(platform)
    assert in_wastebasket() == {"a"}
    rule = RecordingRule.objects.get()
    operator.post(url(RULE, "change", rule.pk), {**FORM, "kept_days": "5"})
    keep_recordings.delete_old(platform)
    assert in_wastebasket() == {"a", "b"}
    operator.post(url(RULE, "delete", rule.pk), {"post": "yes"})
    assert not RecordingRule.objects.exists()


def test_a_second_rule_and_no_number_of_days_are_refused(operator: Browser, platform: str) -> None:
    operator.post(url(RULE, "add"), FORM)
    assert "already" in says(operator.post(url(RULE, "add"), FORM))
    for days in ("0", "3651", "ten"):
        assert operator.post(url(RULE, "add"), {**FORM, "kept_days": days}).status_code == 200
    assert RecordingRule.objects.count() == 1
