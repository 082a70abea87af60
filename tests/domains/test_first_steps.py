"""`manage.py init` takes the first steps of a deployment, and changes nothing when it is run again."""

from __future__ import annotations

import io
from pathlib import Path
from uuid import uuid4

import pytest
from django.conf import LazySettings, settings
from django.core.management import CommandError, call_command

from domains.models import (
    Account,
    BackupPlatform,
    CoreDomain,
    Domain,
    MachineRoom,
    PlatformDomain,
    UserDomain,
)
from failover.models import Register
from foundation.bus.management_api import list_rows
from foundation.bus.virtual_hosts import PUBLISH, admit_peer

EAST, WEST = str(uuid4()), str(uuid4())
SITES = (
    f"east,{EAST},8800,https://east.example,west",
    f"west,{WEST},8810,https://west.example,east",
)


def _init(kind: str, *words: str) -> str:
    """Run the command, and return what it prints."""
    output = io.StringIO()
    call_command("init", kind, *words, stdout=output)
    return output.getvalue()


@pytest.fixture
def password(tmp_path: Path) -> Path:
    """Return a file with a good password."""
    path = tmp_path / "password"
    path.write_text("correct horse battery\n")
    return path


def _core_words(password: Path) -> list[str]:
    """Return the arguments for a core with two sites that back each other up."""
    words = ["--service", "Service", "--operator", "chief", "--password-file", str(password)]
    return [*words, "--tenant", "Office", *(word for site in SITES for word in ("--site", site))]


@pytest.mark.django_db
def test_a_core_gets_its_tree_its_operator_and_its_register_once(
    password: Path, settings: LazySettings
) -> None:
    settings.ROLES = frozenset({"bmc"})
    for _ in range(2):
        _init("core", *_core_words(password))
    assert CoreDomain.objects.get().moid == settings.PLATFORM_MOID
    assert {domain.moid for domain in PlatformDomain.objects.all()} == {EAST, WEST}
    assert MachineRoom.objects.filter(is_default=True).count() == 2
    assert BackupPlatform.objects.get(platform_id=EAST).backup_id == WEST
    assert UserDomain.objects.get(name="Office").platform_id == EAST
    operator = Account.objects.get()
    assert (operator.username, operator.is_superuser) == ("chief", True)
    assert operator.check_password("correct horse battery")
    rows = Register.objects.values_list("platform", "home", "backup")
    assert set(rows) == {(EAST, EAST, WEST), (WEST, WEST, EAST)}


@pytest.mark.django_db
def test_a_site_on_its_own_owns_its_tree(password: Path) -> None:
    words = ["--service", "Service", "--operator", "chief", "--password-file", str(password)]
    _init("site", *words, "--prefix", "7700", "--tenant", "Office")
    platform = PlatformDomain.objects.get()
    assert (platform.moid, platform.e164_prefix) == (settings.PLATFORM_MOID, "7700")
    assert CoreDomain.objects.get().moid != platform.moid
    assert not Register.objects.exists()


@pytest.mark.django_db
def test_a_site_that_follows_a_core_makes_no_domains(settings: LazySettings) -> None:
    settings.CORE_MOID = str(uuid4())
    assert "celery" in _init("site")
    assert not Domain.objects.exists()
    with pytest.raises(CommandError, match="this deployment is a site"):
        _init("core")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--site", "east,1"], "--site east,1: write NAME,MOID,PREFIX,URL"),
        (["--site", f"east,{EAST},88,https://e,north"], "north is no other --site"),
        ([], "--service is missing"),
        (["--service", "S", "--operator", "x"], "there is no password for x"),
        (["--service", "S", "--operator", "x", "--password-file", "/none"], "/none cannot be read"),
    ],
)
def test_what_is_missing_or_odd_is_named(
    words: list[str], reason: str, settings: LazySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())  # nobody sits at the terminal
    settings.ROLES = frozenset({"bmc"})
    with pytest.raises(CommandError, match=reason):
        _init("core", *words)


@pytest.mark.django_db
def test_a_weak_password_of_the_operator_is_refused(tmp_path: Path, settings: LazySettings) -> None:
    settings.ROLES = frozenset({"bmc"})
    (tmp_path / "weak").write_text("12345")
    words = ["--service", "S", "--operator", "chief", "--password-file", str(tmp_path / "weak")]
    with pytest.raises(CommandError, match=r"password of chief: .*too short"):
        _init("core", *words)
    assert not Account.objects.exists()


def test_the_account_of_other_sites_may_publish_and_nothing_else(amqp_url: str) -> None:
    url = settings.RABBITMQ_MANAGEMENT_URL
    admit_peer(url, amqp_url, "sender-of-a-test", "secret", PUBLISH)
    rights = list_rows(url, "/users/sender-of-a-test/permissions")
    assert [(row["vhost"], row["configure"], row["write"], row["read"]) for row in rights] == [
        ("/", "^$", ".*", "^$")
    ]
