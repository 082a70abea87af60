"""The conformance kit against a whole site: the same that any author of a client runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.stand.site import Site
from im import conformance
from im.conformance.checks import CHECKS
from im.conformance.connections import CONNECTIONS
from tests.im.kit import run_kit

KIT = Path(conformance.__file__).parent


@pytest.mark.e2e
@pytest.mark.xdist_group("im")
@pytest.mark.parametrize("way", CONNECTIONS)
def test_a_plain_client_can_do_everything_over(way: str, chat_site: Site) -> None:
    result = run_kit(chat_site, way)
    assert result.returncode == 0, result.stdout + result.stderr
    assert [line.split()[:3] for line in result.stdout.splitlines()] == [
        [way, check.__name__, "ok"] for check in CHECKS
    ]


@pytest.mark.e2e
@pytest.mark.xdist_group("im")
def test_the_program_of_the_readme_runs(
    chat_site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    people = {account["username"]: account["password"] for account in chat_site.demo["accounts"]}
    program = (KIT / "README.md").read_text().partition("```python\n")[2].partition("```")[0]
    names = {"api": chat_site.http, "protocol": "stomp"}
    names |= {"password": people["anna"], "peer_password": people["ben"]}
    exec(program, names)  # noqa: S102  our own
    assert capsys.readouterr().out.startswith("('")
