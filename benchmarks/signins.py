"""The benchmark counts sign-ins per second: by the API's login and by OAuth2's password grant.

It also measures what the password hash costs.
"""

from __future__ import annotations

import json
import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlencode

from benchmarks.bench_site import bench_site, cost, python
from deploy.stand.site import Site
from tests.http.program import Program

PEOPLE = 50
AT_ONCE = 8
SECONDS = 10

_MAKE = """
import json, statistics, time, django
django.setup()
from django.contrib.auth.hashers import check_password, make_password
from domains.flows import people
from domains.management.commands.load_demo import DEMO_TENANT
from domains.models import Application
people_hash = make_password({password!r})
for number in range({people}):
    one = people.create(None, username=f"bench{{number}}", domain_id=DEMO_TENANT)
    type(one).objects.filter(pk=one.pk).update(password=people_hash)
app = Application(name="bench", domain_id=DEMO_TENANT, client_secret={secret!r},
                  client_type="confidential", authorization_grant_type="password")
app.full_clean(); app.save()
times = []
for _ in range(20):
    start = time.perf_counter(); check_password({password!r}, people_hash)
    times.append(time.perf_counter() - start)
print(json.dumps({{"client_id": app.client_id, "hash_ms": round(statistics.median(times) * 1e3, 1)}}))
"""


def _rate(site: Site, label: str, goal: int, sign_in: Any, setup: dict[str, Any]) -> dict[str, Any]:
    """Return how many sign-ins AT_ONCE programs manage in SECONDS, with the time of each, and the CPU used."""
    before, until, times = cost(site), time.monotonic() + SECONDS, []

    def work(number: int) -> None:
        """Sign in again and again, each time as another person, until the time is over."""
        program = Program(site)
        while (start := time.monotonic()) < until:
            sign_in(program, f"bench{number % PEOPLE}")
            times.append(time.monotonic() - start)
            number += AT_ONCE

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(work, range(AT_ONCE)))
    times.sort()
    return {
        "what": label,
        "goal_per_second": goal,
        "per_second": round(len(times) / SECONDS, 1),
        "median_ms": round(times[len(times) // 2] * 1e3, 1),
        "p99_ms": round(times[int(len(times) * 0.99)] * 1e3, 1),
        "hash_ms": setup["hash_ms"],
        **cost(site).since(before, len(times)),
    }


def run() -> list[dict[str, Any]]:
    """Measure both ways to sign in, on one site that does nothing else, and return the results."""
    password, secret = secrets.token_urlsafe(12), secrets.token_urlsafe(48)
    with bench_site(units=1, media="none") as site:
        text = _MAKE.format(password=password, secret=secret, people=PEOPLE)
        setup = json.loads(python(site, text).splitlines()[-1])
        token = Program(site).post("system/token", **site.demo["api_key"])["account_token"]

        def log_in(program: Program, name: str) -> None:
            fields = {"account_token": token, "username": name, "password": password}
            assert program.post("system/login", **fields)["success"] == 1

        def grant(program: Program, name: str) -> None:
            """Sign in by the OAuth2 password grant."""
            fields = {"grant_type": "password", "client_id": setup["client_id"]}
            fields |= {"client_secret": secret, "username": name, "password": password}
            kind = {"Content_Type": "application/x-www-form-urlencoded"}
            status, _ = program.raw("POST", "/oauth/token", urlencode(fields), **kind)
            assert status == 200

        return [
            _rate(site, "API login", 40, log_in, setup),
            _rate(site, "OAuth2 password grant", 30, grant, setup),
        ]
