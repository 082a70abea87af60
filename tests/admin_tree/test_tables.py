"""Tables: a trial lists every bad row and writes nothing; then all of it or nothing."""

from __future__ import annotations

import io
from typing import Any

import pytest
from auditlog.models import LogEntry
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from openpyxl import Workbook, load_workbook

from domains.flows import change
from domains.management.commands.load_demo import DEMO_TENANT
from domains.models import Account, Domain, Level, MachineRoom, PlatformDomain, UserDomain
from tests.admin_tree.conftest import page, text
from tests.web_clients import Browser

CSV, XLSX = "0", "1"


def try_table(client: Browser, kind: str, content: str | bytes, how: str = CSV) -> Any:
    """Return the answer to the trial of a table."""
    data = content.encode() if isinstance(content, str) else content
    name = "table.csv" if how == CSV else "table.xlsx"
    fields = {"resource": "0", "format": how, "import_file": SimpleUploadedFile(name, data)}
    return client.post(page(f"{kind}_import"), fields)


def confirmed(client: Browser, kind: str, answer: Any) -> Any:
    """Return the answer to the import after its trial."""
    form = answer.context["confirm_form"]
    return client.post(page(f"{kind}_process_import"), {**form.initial})


def mistakes_in(answer: Any) -> list[tuple[Any, str, str]]:
    """Return the mistakes that the page lists, line by line."""
    mistakes: list[tuple[Any, str, str]] = answer.context["wrong"]
    return mistakes


def test_a_trial_lists_every_bad_row_and_writes_nothing(
    operator: Browser, service: str, platform: str
) -> None:
    name = Domain.objects.get(pk=service).name
    before = Domain.objects.count(), LogEntry.objects.count()
    table = (
        "name,parent,platform,small_limit,enabled\n"
        f"Good,{name},{platform},5,1\n"
        f"Above a tenant,{DEMO_TENANT},{platform},,1\n"
        f"Out of reach,{service},nowhere,,1\n"
        f"Odd,{service},{platform},many,perhaps\n"
        f",{service},{platform},,1\n"
    )
    answer = try_table(operator, "userdomain", table)
    places = {(line, column) for line, column, _text in mistakes_in(answer)}
    assert places == {
        (3, "parent"),
        (4, "platform"),
        (5, "small_limit"),
        (5, "enabled"),
        (6, "name"),
    }
    assert "Choose a service domain above it." in text(answer)
    assert "Nothing was written" in text(answer)
    assert (Domain.objects.count(), LogEntry.objects.count()) == before


def test_a_good_table_is_written_once_confirmed_with_its_trail(
    operator: Browser, service: str, platform: str
) -> None:
    table = f"name,parent,platform\nOne,{service},{platform}\nTwo,{service},{platform}\n"
    answer = try_table(operator, "userdomain", table)
    assert mistakes_in(answer) == []
    assert not UserDomain.objects.filter(name="One").exists()
    assert confirmed(operator, "userdomain", answer).status_code == 302
    assert UserDomain.objects.filter(name__in=["One", "Two"]).count() == 2
    entry = LogEntry.objects.latest("id")
    assert (entry.object_repr, entry.actor.username) == ("Two", "admin")


def test_a_row_with_a_moid_changes_what_is_there(operator: Browser, platform: str) -> None:
    answer = try_table(operator, "userdomain", f"moid,name\n{DEMO_TENANT},Renamed\n")
    confirmed(operator, "userdomain", answer)
    tenant = UserDomain.objects.get(pk=DEMO_TENANT)
    assert (tenant.name, tenant.platform_id) == ("Renamed", platform)


def test_all_or_nothing_when_somebody_was_quicker(
    operator: Browser, service: str, platform: str
) -> None:
    table = f"name,parent,e164_prefix\nA,{service},701\nB,{service},702\n"
    answer = try_table(operator, "platformdomain", table)
    change.create(Level.PLATFORM, name="Quick", parent_id=service, e164_prefix="702")
    late = confirmed(operator, "platformdomain", answer)
    assert [(line, column) for line, column, _text in mistakes_in(late)] == [(3, "e164_prefix")]
    assert not PlatformDomain.objects.filter(e164_prefix="701").exists()


def test_service_domains_and_rooms_come_as_tables_too(
    operator: Browser, service: str, platform: str
) -> None:
    table = f"name,parent\nOne,{service}\n"
    confirmed(operator, "servicedomain", try_table(operator, "servicedomain", table))
    table = f"name,platform,order\nCellar,{platform},7\n"
    confirmed(operator, "machineroom", try_table(operator, "machineroom", table))
    assert Domain.objects.get(name="One").parent_id == service
    assert MachineRoom.objects.get(name="Cellar").order == 7


def test_an_xlsx_file_does_as_well(operator: Browser, service: str, platform: str) -> None:
    book = Workbook()
    book.active.append(["name", "parent", "e164_prefix", "enabled"])
    book.active.append(["Numbers", service, 7011, 1])
    file = io.BytesIO()
    book.save(file)
    answer = try_table(operator, "platformdomain", file.getvalue(), XLSX)
    confirmed(operator, "platformdomain", answer)
    assert PlatformDomain.objects.get(name="Numbers").e164_prefix == "7011"


def test_new_accounts_get_passwords_that_are_told_once(operator: Browser, platform: str) -> None:
    table = f"username,domain,email,e164\nberta,{DEMO_TENANT},,\ncarl,{DEMO_TENANT},c@x.org,8801\n"
    answer = try_table(operator, "account", table)
    assert mistakes_in(answer) == []
    file = confirmed(operator, "account", answer)
    assert file["Content-Disposition"] == 'attachment; filename="passwords.csv"'
    lines = file.content.decode("utf-8-sig").splitlines()[1:]
    (name, password), second = (line.split(",") for line in lines)
    assert (name, second[0]) == ("berta", "carl")
    assert len(password) == 24
    berta = Account.objects.get(username="berta")
    assert (berta.email, berta.domain_id) == (None, DEMO_TENANT)
    assert berta.check_password(password)
    everything = str([*LogEntry.objects.values_list("changes", "additional_data")])
    assert password not in everything


def test_names_taken_by_others_are_refused_by_line(operator: Browser, platform: str) -> None:
    table = f"username,domain\nanna,{DEMO_TENANT}\nnew,{DEMO_TENANT}\nNEW,{DEMO_TENANT}\n"
    bad_lines = {
        line for line, _column, _text in mistakes_in(try_table(operator, "account", table))
    }
    assert bad_lines == {2, 4}


def test_an_administrator_brings_nothing_from_beside_or_above(
    administrator: Browser, service: str, platform: str
) -> None:
    own = Account.objects.get(username="regina").domain_id
    table = (
        "moid,name,parent,platform\n"
        f",Mine,{own},{platform}\n"
        f",Not below,{service},{platform}\n"
        f"{DEMO_TENANT},Taken over,{own},{platform}\n"
    )
    answer = try_table(administrator, "userdomain", table)
    assert {line for line, _column, _text in mistakes_in(answer)} == {3, 4}
    answer = try_table(administrator, "servicedomain", f"moid,name,enabled\n{own},Region,0\n")
    assert [(line, column) for line, column, _text in mistakes_in(answer)] == [(2, "used")]


@pytest.mark.parametrize(
    ("table", "why"),
    [
        ("name,secret\nx,y\n", "There is no column secret"),
        ("name\n" + "x\n" * 10_001, "At most 10000 rows"),
    ],
)
def test_what_is_no_table_of_ours_is_refused_whole(
    operator: Browser, platform: str, table: str, why: str
) -> None:
    assert why in text(try_table(operator, "userdomain", table))


def test_a_file_that_is_too_large_is_not_read(operator: Browser, platform: str) -> None:
    answer = try_table(operator, "userdomain", b"name\n" + b"x" * (5 * 1024 * 1024))
    assert "At most 5 MiB" in text(answer)


def test_a_moid_that_stands_twice_is_refused(operator: Browser, platform: str) -> None:
    table = f"moid,name\n{DEMO_TENANT},A\n{DEMO_TENANT},B\n"
    assert [line for line, *_rest in mistakes_in(try_table(operator, "userdomain", table))] == [
        2,
        3,
    ]


def test_an_export_comes_in_again_and_holds_no_formula(
    operator: Browser, service: str, platform: str
) -> None:
    change.change(DEMO_TENANT, name="=1+1")
    answer = operator.get(page("userdomain_export", format="csv"))
    table = b"".join(answer.streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
    assert ",'=1+1," in table
    confirmed(operator, "userdomain", try_table(operator, "userdomain", table))
    assert UserDomain.objects.get(pk=DEMO_TENANT).name == "=1+1"
    answer = operator.get(page("userdomain_export", format="xlsx"))
    file = io.BytesIO(b"".join(answer.streaming_content))  # type: ignore[attr-defined]
    rows = list(load_workbook(file).active.values)
    assert rows[0][:2] == ("moid", "name")
    assert rows[1][1] == "'=1+1"


def test_an_export_holds_what_the_list_shows(
    operator: Browser, administrator: Browser, service: str
) -> None:
    def rows(client: Browser, **query: str) -> list[str]:
        answer = client.get(page("servicedomain_export", format="csv", **query))
        lines = b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]
        return [line.split(",")[1] for line in lines.splitlines()[1:]]

    assert "Region" in rows(operator)
    assert rows(operator, q="Reg") == ["Region"]
    assert rows(administrator) == ["Region"]


def test_a_row_costs_few_statements(operator: Browser, service: str, platform: str) -> None:
    """10,000 rows are written within a minute: see `benchmarks/tree.py`."""
    rows = "".join(f"T{n:05d},{service},{platform}\n" for n in range(100))
    with CaptureQueriesContext(connection) as queries:
        try_table(operator, "userdomain", f"name,parent,platform\n{rows}")
    assert len(queries) < 5.5 * 100
