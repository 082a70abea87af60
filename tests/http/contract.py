"""The contract of the open API: schemathesis makes requests from its description, and checks each answer.

`make contract` runs all phases against a site of its own; `test_contract` a short, seeded part of them.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import orjson
import pytest

from benchmarks.bench_site import in_memory
from deploy.stand.site import Site
from tests.accounts.test_lockout_story import python
from tests.accounts.test_refresh_at_once import ask
from tests.http.program import Program
from tests.sites import running_site
from tests.stories.facts import license_for

OF_ANOTHER_PROCESS = ("/api/v1/publish", "/api/v1/events")
"""The push process answers these; other tests speak Bayeux with it."""
OF_PEOPLE = ("/api/v1/im/", "/api/v1/social/")
"""People's clients call these; they have refusals and tokens of their own form, which other tests check."""
_WELL_FORMED_BUT_REFUSED = ["2xx", "401", "403", "404", "409", "422", "429"]
"""A request of the described form may be refused by a rule (422), and at this moment (409)."""
PROBLEM = "application/problem+json"
_MAKE_APPLICATION = """
import django
django.setup()
from domains.models import Application, Domain
Application.objects.create(
    name="Contract", domain=Domain.objects.get(level=3), client_id={client!r}, client_secret={secret!r},
    client_type="confidential", authorization_grant_type="password",
)
"""
"""People of all domains below the core may use it."""


@dataclass
class Scene:
    """A site with a conference, and a program that holds a person's OAuth2 token."""

    site: Site
    username: str = "anna"
    values: dict[str, str] = field(default_factory=dict)
    """Values of parameters in addresses, so that calls reach what is there."""

    def __post_init__(self) -> None:
        license_for(self.site, 50, 20)
        client = {"client_id": os.urandom(8).hex(), "client_secret": os.urandom(16).hex()}
        made = _MAKE_APPLICATION.format(client=client["client_id"], secret=client["client_secret"])
        python(self.site, made)
        accounts = self.site.demo["accounts"]
        person = next(row for row in accounts if row["username"] == self.username)
        names = {"username": self.username, "password": person["password"]}
        status, tokens = ask(
            self.site, grant_type="password", scope="read write", **client, **names
        )
        assert status == 200, tokens
        self.token = tokens["access_token"]

    def with_conference(self) -> Scene:
        """Create a conference with two terminals; calls with a `conf_id` are about it."""
        program = Program(self.site)
        program.log_in(self.username)
        invited = [{"account": number, "account_type": 5} for number in ("7001", "7002")]
        created = program.create(name="contract", duration=0, invite_members=invited)
        self.values = {"conf_id": created["conf_id"], "mt_id": "1", "cascade_id": "0"}
        return self


def configuration(scene: Scene, seed: int) -> str:
    """Return the configuration of schemathesis, in TOML."""
    headers = {"Authorization": f"Bearer {scene.token}", "Accept": f"application/json, {PROBLEM}"}
    lines = [
        f"seed = {seed}",
        f"base-url = {json.dumps(scene.site.http)}",
        "continue-on-failure = true",
        "color = false",
        "[headers]",
        *(f"{name} = {json.dumps(value)}" for name, value in headers.items()),
        "[generation]",
        'database = "none"',
        "with-security-parameters = false",
        "[parameters]",
        *(f'"path.{name}" = {json.dumps(value)}' for name, value in scene.values.items()),
        "[checks]",
        f"positive_data_acceptance.expected-statuses = {json.dumps(_WELL_FORMED_BUT_REFUSED)}",
        "[[operations]]",
        'include-path = "/api/v1/mc/confs/{conf_id}"',  # It would end the conference of all others.
        'parameters = { "path.conf_id" = "404404" }',
    ]
    return "\n".join(lines) + "\n"


def check(scene: Scene, *options: str, seed: int = 1) -> subprocess.CompletedProcess[str]:
    """Run schemathesis with these options on all calls; return what it says. It exits with 0 if nothing is broken."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        (directory / "schemathesis.toml").write_text(configuration(scene, seed))
        (directory / "openapi.json").write_bytes(document_of(scene.site))
        program = Path(sys.executable).with_name("schemathesis")
        words = [str(program), "run", "openapi.json", "--checks", "all", *options]
        return subprocess.run(words, cwd=directory, capture_output=True, text=True, check=False)


def document_of(site: Site) -> bytes:
    """Return the description of the open API, without the calls that are not made here."""
    described = orjson.loads(Program(site).raw("GET", "/api/schema/?format=json")[1])
    for path in list(described["paths"]):
        if path.startswith((*OF_ANOTHER_PROCESS, *OF_PEOPLE)):
            del described["paths"][path]
    return orjson.dumps(described)


@contextmanager
def site_for_requests(root: Path) -> Iterator[Site]:
    """Start a site where one person may make as many calls as schemathesis does."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("API_CALLS_PER_USER", "1000000")
        with running_site(root, "simulated", 4) as site:
            yield site


def main(words: list[str]) -> int:
    """Start a site, run all phases as a person and as an administrator, and print what schemathesis says."""
    parser = argparse.ArgumentParser(prog="python -m tests.http.contract", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("options", nargs="*", help="options for schemathesis, after --")
    arguments = parser.parse_args(words)
    code = 0
    with (
        tempfile.TemporaryDirectory(prefix="contract-", dir=in_memory()) as root,
        site_for_requests(Path(root)) as site,
    ):
        for scene in (Scene(site).with_conference(), Scene(site, "admin")):
            result = check(scene, *arguments.options, seed=arguments.seed)
            print(result.stdout + result.stderr)
            code = code or result.returncode
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
