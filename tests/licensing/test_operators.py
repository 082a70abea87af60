"""Licences in the admin, on every page's warning, and for the doctor."""

from __future__ import annotations

from typing import Any

import pytest
from auditlog.models import LogEntry
from django.core.files.uploadedfile import SimpleUploadedFile

from conferences.management import doctor_checks
from conferences.management.rebuild import rebuild_redis_and_counts
from domains.models import Account
from foundation.cells.directory import redis_of
from licensing.data import redis_projection
from licensing.flows.load import load_licence
from licensing.models import Licence
from tests.licensing.conftest import in_days, text
from tests.web_clients import Browser

pytestmark = pytest.mark.xdist_group("licensing")
LIST, ADD = "/admin/licensing/licence/", "/admin/licensing/licence/add/"


@pytest.fixture
def operator(east: str) -> Browser:
    """Return a browser in which the operator has signed in."""
    client = Browser()
    client.force_login(Account.objects.get(username="admin"))
    return client


def page(answer: Any) -> str:
    assert answer.status_code == 200
    return str(answer.content.decode())


def test_a_licence_is_looked_at_compared_and_then_loaded(operator: Browser, east: str) -> None:
    page_text = text(east, 3, small=123)
    answer_text = page(operator.post(ADD, {"text": page_text, "look": ""}))
    assert "counts now" in answer_text
    assert "<td>8</td><td>123</td>" in answer_text
    assert 'name="load"' in answer_text
    assert Licence.objects.count() == 1
    answer = operator.post(ADD, {"text": page_text, "load": "1"}, follow=True)
    assert "Licence 3 is loaded." in page(answer)
    assert Licence.objects.filter(issue=3).exists()
    assert LogEntry.objects.filter(object_repr__contains="licence 3").count() == 1


def test_a_licence_in_a_file_is_read(operator: Browser, east: str) -> None:
    file = SimpleUploadedFile("licence.txt", text(east, 3, small=123).encode() + b"\n")
    assert "<td>123</td>" in page(operator.post(ADD, {"file": file, "look": ""}))


def test_a_bad_one_is_refused_with_its_words_also_when_it_is_to_be_loaded(
    operator: Browser, east: str
) -> None:
    for offered, words in (
        ("", "Paste a licence"),
        ("nonsense", "not a licence"),
        (text("north", 1), "issued for platform north"),
        (text(east, 1, valid_to=in_days(-1)), "expired"),
    ):
        for button in ("look", "load"):
            answer_text = page(operator.post(ADD, {"text": offered, button: "1"}))
            assert words in answer_text
            assert 'name="load"' not in answer_text
    assert Licence.objects.count() == 1


def test_revoking_asks_first(operator: Browser, east: str) -> None:
    load_licence(east, text(east, 3))
    row = Licence.objects.get(issue=3)
    order = {"action": "revoke", "_selected_action": [row.pk]}
    assert "Revoke these licences?" in page(operator.post(LIST, order))
    row.refresh_from_db()
    assert row.revoked_at is None
    answer_text = page(operator.post(LIST, {**order, "confirmed": "1"}, follow=True))
    assert "revoked" in answer_text
    row.refresh_from_db()
    assert row.revoked_at is not None
    assert "licence 3 is revoked" in page(operator.get("/admin/"))


def test_each_licence_has_its_page(operator: Browser, east: str) -> None:
    load_licence(east, text(east, 3, valid_to=in_days(20)))
    for row in Licence.objects.all():
        answer_text = page(operator.get(f"{LIST}{row.pk}/change/"))
        assert ("replaced" if row.evaluation else "19 days left") in answer_text
    page(operator.get("/admin/licensing/quota/"))


def test_every_page_warns_before_the_end(operator: Browser, east: str) -> None:
    load_licence(east, text(east, 1, valid_to=in_days(40)))
    assert "op-licence" not in page(operator.get("/admin/"))
    load_licence(east, text(east, 2, valid_to=in_days(5)))
    for address in ("/admin/", LIST, ADD, "/admin/conferences/conference/"):
        assert "ends in less than 7 days" in page(operator.get(address))


def test_who_is_no_operator_gets_no_page(east: str) -> None:
    client = Browser()
    client.force_login(Account.objects.get(username="anna"))
    assert client.get(ADD).status_code == 302
    assert client.post(ADD, {"text": text(east), "load": "1"}).status_code == 302
    assert Licence.objects.count() == 1


def test_the_doctor_says_what_is_wrong_with_licence_and_projection(east: str) -> None:
    def said() -> dict[str, str]:
        checks = (doctor_checks._check_licence, doctor_checks._check_licence_projection)
        return {finding.check: finding.wrong for finding in (check(east) for check in checks)}

    load_licence(east, text(east, 1, valid_to=in_days(0.9)))
    assert "less than one day" in said()["licence"]
    redis_of(east).hset(redis_projection.key(east), "smallconfnum", "9999")
    assert "differs from the database" in said()["licence projection"]
    rebuild_redis_and_counts(east)
    assert said()["licence projection"] == ""
    load_licence(east, text(east, 2))
    assert said() == {"licence": "", "licence projection": ""}
