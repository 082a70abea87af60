"""A refresh token that is sent many times at once, to a whole site."""

from __future__ import annotations

import http.client
import secrets
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from urllib.parse import urlencode, urlsplit

import orjson
import pytest

from deploy.stand.site import Site
from tests.accounts.test_lockout_story import python

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("stories")]

AT_ONCE = 12
MAKE = """
import django
django.setup()
from domains.management.commands.load_demo import DEMO_TENANT
from domains.models import Application
Application.objects.create(
    name="Desk", domain_id=DEMO_TENANT, client_id={client!r}, client_secret={secret!r},
    client_type="confidential", authorization_grant_type="password",
)
"""


def ask(site: Site, **form: str) -> tuple[int, dict[str, str]]:
    """Ask for tokens."""
    where = urlsplit(site.http)
    link = http.client.HTTPConnection(where.hostname or "", where.port, timeout=30)
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    link.request("POST", "/oauth/token", urlencode(form), kind)
    answer = link.getresponse()
    body = answer.read()
    link.close()
    return answer.status, orjson.loads(body) if body.startswith(b"{") else {}


def test_of_twelve_at_once_at_most_one_is_given_and_none_is_an_error_of_ours(
    simulated: Site,
) -> None:
    program = {"client_id": secrets.token_hex(8), "client_secret": secrets.token_hex(16)}
    made = MAKE.format(client=program["client_id"], secret=program["client_secret"])
    python(simulated, made)
    anna = next(a for a in simulated.demo["accounts"] if a["username"] == "anna")
    person = {"username": "anna", "password": anna["password"]}
    for _ in range(3):
        status, tokens = ask(simulated, grant_type="password", **program, **person)
        assert status == 200
        value, ready = tokens["refresh_token"], Barrier(AT_ONCE)

        def refresh(_: int, value: str = value, ready: Barrier = ready) -> int:
            ready.wait()
            more = {"grant_type": "refresh_token", "refresh_token": value}
            return ask(simulated, **program, **more)[0]

        with ThreadPoolExecutor(AT_ONCE) as pool:
            statuses = list(pool.map(refresh, range(AT_ONCE)))
        assert set(statuses) <= {200, 400}
        assert statuses.count(200) <= 1
