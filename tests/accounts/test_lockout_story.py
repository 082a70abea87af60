"""64 wrong passwords at once, over HTTP, against a whole site."""

from __future__ import annotations

import secrets
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest

from deploy.stand.site import Site
from tests.http.program import Program

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("stories")]

AT_ONCE = 64
MAKE = """
import django
django.setup()
from domains.flows import people
from domains.management.commands.load_demo import DEMO_TENANT
people.create({password!r}, username={name!r}, email={name!r} + "@example.org", e164={e164!r},
              domain_id=DEMO_TENANT)
"""


class Victim:
    """A victim is a new person of a site, with a password."""

    def __init__(self, site: Site) -> None:
        self.name = "victim-" + secrets.token_hex(4)
        self.e164 = "99" + str(secrets.randbelow(10**9)).zfill(9)
        self.password = secrets.token_urlsafe(12)
        fields = {"password": self.password, "name": self.name, "e164": self.e164}
        python(site, MAKE.format(**fields))
        self.names = [self.name, self.name.upper(), self.name + "@example.org", self.e164]


def python(site: Site, text: str) -> None:
    """Run it with the site's settings."""
    import os
    import subprocess
    import sys

    env = {**os.environ, **site.env}
    subprocess.run([sys.executable, "-c", text], env=env, check=True, capture_output=True)


def counted(site: Site, name: str) -> int:
    """Return how many tries counted."""
    query = f"SELECT COALESCE(SUM(failures_since_start), 0) FROM axes_accessattempt WHERE username = '{name}'"
    return int(str(site.mariadb.sql(query, schema="east")).split()[-1])


def at_once(site: Site, guesses: list[tuple[str, str]]) -> list[dict[str, Any]]:
    """Return the answers to all of these logins, begun at the same moment."""
    stranger, ready = Program(site), Barrier(len(guesses))
    token = stranger.post("system/token", **site.demo["api_key"])["account_token"]

    def one(guess: tuple[str, str]) -> dict[str, Any]:
        program = Program(site)
        ready.wait()
        return program.post(
            "system/login", account_token=token, username=guess[0], password=guess[1]
        )

    with ThreadPoolExecutor(len(guesses)) as pool:
        return list(pool.map(one, guesses))


def log_in(site: Site, name: str, password: str) -> dict[str, Any]:
    """Log in, and return the answer."""
    return at_once(site, [(name, password)])[0]


def test_of_64_wrong_passwords_at_once_five_count_and_the_right_one_is_locked_out_too(
    simulated: Site,
) -> None:
    victim, other = Victim(simulated), Victim(simulated)
    guesses = [(victim.names[n % 4], f"wrong-{n}") for n in range(AT_ONCE)]
    answers = at_once(simulated, guesses)
    assert {answer["error_code"] for answer in answers} == {10101}
    descriptions = [answer["description"] for answer in answers]
    assert descriptions.count("wrong user name or password") <= 5
    assert counted(simulated, victim.name) == 5
    for name in victim.names:
        refused = log_in(simulated, name, victim.password)
        assert refused["error_code"] == 10101
        assert "Too many wrong tries" in refused["description"]
    assert log_in(simulated, other.name, other.password)["success"] == 1
    assert counted(simulated, victim.name) == 5


def test_the_right_password_among_them_is_never_found_out_by_a_sixth(simulated: Site) -> None:
    victim = Victim(simulated)
    assert log_in(simulated, victim.name, victim.password)["success"] == 1
    for _ in range(5):
        log_in(simulated, victim.name, "wrong")
    answers = at_once(simulated, [(victim.name, victim.password)] * AT_ONCE)
    assert not any(answer["success"] for answer in answers)


def test_64_right_passwords_at_once_all_come_in(simulated: Site) -> None:
    victim = Victim(simulated)
    answers = at_once(simulated, [(victim.name, victim.password)] * AT_ONCE)
    assert all(answer["success"] for answer in answers)
