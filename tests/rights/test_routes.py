"""Every address outside of the admin, found by itself × everybody × conferences of every place."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from django.urls import URLPattern, URLResolver, get_resolver

from conferences.models import Conference
from conferences.pages import dashboard, recording_files
from domains.api import sessions
from domains.models import Account, ApiKey, ApiToken, Domain, Level, hash_secret
from foundation import clock
from foundation.cells.directory import own_platform, redis_of
from tests.rights.conftest import SignIn
from tests.rights.open_api_routes import CONTROLS, READINGS
from tests.web_clients import BareClient

OPEN = {
    "healthz",
    "readyz",
    "metrics",
    "api/schema/",
    "api/docs/",
    "i18n/setlang/",
    "api/v1/system/token",
    "api/v1/system/token/<str:token>/heartbeat",
    "api/v1/system/login",
    "api/v1/vrs/login",
    "api/v1/<str:app>/version",
    "api/v1/events",
    "api/v1/publish",
    "api/v1/^(?P<rest>.*)$",
    "api/<str:app>/version",
    "^api/",
}
"""For everybody: they tell nothing of anybody, or ask for a secret by themselves."""

OF_SESSION = {
    "api/v1/system/heartbeat",
    "api/v1/mc/confs",
    "api/v1/vc/confs",
    "api/v1/mc/personal_templates",
    "api/v1/mc/public_templates",
    "api/v1/mc/virtual_meeting_rooms",
} | READINGS
"""For whoever has logged in; what they touch is the caller's own."""

OF_BOOKINGS = {"api/v1/mc/booked_confs", "api/v1/mc/booked_confs/<str:booked>"}
"""Of reservations; whose they may be is shown in `tests/http/test_booked_conferences.py`."""

OF_CONFERENCE = {
    "api/v1/mc/confs/<str:conf_id>": ("DELETE",),
    "api/v1/vc/confs/<str:conf_id>": ("GET",),
    "api/v1/vc/confs/<str:conf_id>/mts": ("GET", "POST", "DELETE"),
    "api/v1/vc/confs/<str:conf_id>/monitors": ("GET", "POST"),
    "api/v1/vc/confs/<str:conf_id>/monitors/<str:dst_ip>/<int:dst_port>": ("GET", "DELETE"),
    "api/v1/vc/confs/<str:conf_id>/monitors_heartbeat": ("POST",),
    "api/v1/vc/confs/<str:conf_id>/neediframe/monitors": ("POST",),
    **CONTROLS,
}
"""Of one conference, with the methods that there are."""

OF_TEMPLATE = {
    "api/v1/mc/personal_templates/<str:stored_id>",
    "api/v1/mc/public_templates/<str:stored_id>",
    "api/v1/mc/virtual_meeting_rooms/<str:stored_id>",
    "api/v1/^mc/personal_templates/(?P<stored_id>[^/]{1,40})"
    "/(?P<part>simple|invite_members|mix|vmp|poll|vip)$",
}
"""Of one template or room; whose it may be is shown in `tests/http/test_templates.py`."""

OF_NUMBER = {"api/v1/upu/numbers/<str:number>"}
"""Of one number; whose it may be is shown in `tests/http/test_templates.py`."""

OF_JOINING = {
    f"join/<str:e164>/{rest}" for rest in ("", "where", "chat", "polls", "shared", "steer", "rooms")
}
"""For people of the conference's own tenant, and holders of its link."""

CONSOLE = "^console/(?P<e164>[0-9]{1,16})/(?P<action>end|extend|rename|mute|lower|lock|lobby|letin|refuse|drop|admit)$"
ROOMS = {
    "console/rooms/",
    "^console/rooms/add/(?P<kind>room|template)$",
    "^console/rooms/(?P<kind>room|template)/(?P<stored_id>[^/]{1,40})/begin$",
    "^console/rooms/(?P<kind>room|template)/(?P<stored_id>[^/]{1,40})/delete$",
}
OF_CONSOLE = {"", "chat/", "console/", "console/live", "console/start", CONSOLE} | ROOMS
OF_CONSOLE |= {"console/bookings/", "console/bookings/book", "console/bookings/week"}
OF_CONSOLE |= {"console/bookings/month"}
OF_CONSOLE |= {
    f"console/bookings/<str:bookid>/{verb}" for verb in ("change", "cancel", "begin", "guests")
}
OF_CONSOLE |= {"console/bookings/calendar"}
OPEN |= {"calendar/meetings.ics", "join/", "recordings/parts"}
OF_CONSOLE |= {
    f"console/past/{rest}"
    for rest in (
        "",
        "<str:confid>/",
        "<str:confid>/attendance.csv",
        "<str:confid>/notes.txt",
    )
}
OF_CONSOLE |= {
    f"console/recordings/{rest}" for rest in ("", "<str:recording>/", "<str:recording>/progress")
}
RECORDING = "^console/recordings/(?P<recording>[0-9a-f]{32})/"
OF_CONSOLE |= {
    f"{RECORDING}(?P<action>rename|delete|restore)$",
    f"{RECORDING}share/(?P<action>invite|uninvite|link|unlink)$",
    f"{RECORDING}{recording_files.PATTERN}$",
}
LINK = "^watch/(?P<link>[0-9a-f]{64})/"
OPEN |= {"watch/", f"{LINK}$", f"{LINK}{recording_files.PATTERN}$"}
"""For whoever has a link to a recording; what each of them gets is shown in `tests/console/test_shares.py`."""

OPEN |= {"accounts/login/", "accounts/logout/"}
OPEN |= {f"oauth/{one}" for one in ("authorize", "token", "revoke_token", "introspect")}
"""For people in a browser; what they touch is of their own tenant."""

OF_SITES = {"admin/sites/", "admin/sites/live/", "admin/sites/act/"}
"""For operators of the core: who serves which platform."""

ELSEWHERE = {"admin/", "api/v1/im/", "api/v1/social/", "people/"}
"""With tests of their own."""

UNKNOWN = 12103
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
CALLERS = ("person-House", "admin-House", "admin-Mill", "admin-Hill", "admin-Crown", "root-Above")


def routes(patterns: Any = None, before: str = "") -> Iterator[str]:
    """Yield all addresses of the URLconf."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        path = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver) and path not in ELSEWHERE:
            yield from routes(pattern.url_patterns, path)
        elif isinstance(pattern, URLPattern):
            yield path


@pytest.mark.parametrize("who", CALLERS)
@pytest.mark.parametrize("address", sorted(OF_SITES))
def test_sites_are_operated_by_the_core(sign_in: SignIn, who: str, address: str) -> None:
    browser = sign_in(who)
    answer = browser.post(f"/{address}", {"action": "none"})
    good = 404 if address.endswith("act/") else 200
    refused = 302 if who == "person-House" else 403
    assert answer.status_code == (good if who in ("admin-Crown", "root-Above") else refused)


def test_somebody_has_decided_on_every_address() -> None:
    decided = OPEN | OF_SESSION | OF_BOOKINGS | {*OF_CONFERENCE} | OF_JOINING | OF_CONSOLE
    decided |= {"admin/live.json", *OF_SITES, *OF_TEMPLATE, *OF_NUMBER}
    all_routes = {route for route in routes() if not route.startswith(".well-known/oauth-")}
    assert all_routes - decided == set(), (
        "add each address to one of the lists in tests/rights/test_routes.py"
    )


@pytest.fixture
def call(tree: None) -> Any:
    """Call the API as somebody."""
    sessions._session_cache.clear()
    tokens = {"": ""}

    def called(who: str, method: str, path: str, **fields: Any) -> dict[str, Any]:
        if who not in tokens:
            tokens[who] = _token(who)
        client, arguments = BareClient(), urlencode({"account_token": tokens[who], **fields})
        form = "application/x-www-form-urlencoded"
        if method == "GET":
            answer = client.get(f"{path}?{arguments}")
        else:
            answer = client.post(path, arguments, content_type=form)
        body: dict[str, Any] = answer.json()
        return body

    return called


def url_of(path: str, number: str) -> str:
    """Return the address of a call about a conference, with something for each part that is to be filled in."""
    filled = path.replace("<str:conf_id>", number)
    filled = filled.replace("<str:dst_ip>", "192.0.2.7").replace("<int:dst_port>", "6000")
    return "/" + re.sub("<str:[a-z0-9_]+>", "1", filled)


def _token(who: str) -> str:
    """Return a login, as if it had been made by the session layer."""
    account, token = Account.objects.get(username=who), f"token-{who}"
    core = Domain.objects.get(level=Level.CORE)
    key, _ = ApiKey.objects.get_or_create(key="of-all", domain=core)
    ApiToken.objects.update_or_create(
        token_hash=hash_secret(token),
        defaults={
            "key": key,
            "used_at": clock.now(),
            "account": account,
            "cookie_hash": hash_secret(f"cookie-{who}"),
            "login_used_at": clock.now(),
        },
    )
    return token


def test_without_a_login_nothing_is_had(call: Any) -> None:
    number = Conference.objects.get(pk="live-House").e164
    for path in OF_SESSION | {*OF_CONFERENCE}:
        url = url_of(path, number)
        for method in METHODS:
            answer = call("", "GET" if method == "GET" else "POST", url, _method=method)
            assert answer["success"] == 0, (path, method)
            assert answer["error_code"] in (10002, 10102, 99999), (path, method)


@pytest.mark.parametrize("who", CALLERS)
def test_a_conference_of_another_domain_is_as_unknown_as_none(who: str, call: Any) -> None:
    own = Account.objects.get(username=who).domain_id
    elsewhere = Conference.objects.filter(live_e164__isnull=False).exclude(user_domain=own)
    # Each address is asked for one of them in turn: all of them at all addresses are more calls than a person may make.
    numbers = itertools.cycle([c.e164 for c in elsewhere])
    # What is asked for nothing is answered alike to everybody, so that one person is enough.
    everything = who == CALLERS[0]
    for path, fields in OF_CONFERENCE.items():
        for number in (next(numbers), "404404") if everything else (next(numbers),):
            url = url_of(path, number)
            for method in METHODS if everything else fields:
                answer = call(who, "GET" if method == "GET" else "POST", url, _method=method)
                assert answer["success"] == 0, (path, method, number)
                wanted = UNKNOWN if method in fields else 99999
                assert answer["error_code"] == wanted, (path, method, number)


@pytest.mark.parametrize("who", CALLERS)
def test_lists_show_what_is_of_the_own_domain(who: str, call: Any) -> None:
    own = Account.objects.get(username=who).domain_id
    wanted = Conference.objects.filter(user_domain=own, live_e164__isnull=False)
    answer = call(who, "GET", "/api/v1/vc/confs", count=0)
    assert {c["conf_id"] for c in answer["confs"]} == {c.e164 for c in wanted}
    for c in wanted:
        assert call(who, "GET", f"/api/v1/vc/confs/{c.e164}")["success"] == 1


@pytest.mark.parametrize("who", ["", *CALLERS])
def test_a_conference_is_joined_by_its_own_people(who: str, sign_in: SignIn) -> None:
    client = sign_in(who)
    own = Account.objects.get(username=who).domain_id if who else None
    for c in Conference.objects.filter(live_e164__isnull=False):
        for path in (f"/join/{c.e164}/", f"/join/{c.e164}/where"):
            answer = client.get(path)
            assert (answer.status_code == 200) is (c.user_domain == own), (path, c.user_domain)
            if answer.status_code != 200:
                assert c.name not in answer.content.decode()


@pytest.mark.parametrize("who", ["", *CALLERS])
def test_the_console_is_of_the_own_tenant(who: str, sign_in: SignIn) -> None:
    client = sign_in(who)
    own = Account.objects.get(username=who).domain_id if who else None
    for path in ("/", "/console/"):
        assert (client.get(path).status_code == 302) is (not who or path == "/"), path
    live = client.get("/console/live")
    assert live.status_code == (200 if who else 401)
    mine = Conference.objects.filter(user_domain=own, live_e164__isnull=False)
    if who:
        assert {c["number"] for c in live.json()["confs"]} == {c.e164 for c in mine}
    for c in Conference.objects.exclude(user_domain=own).filter(live_e164__isnull=False):
        for action in (
            "end",
            "extend",
            "rename",
            "mute",
            "lower",
            "lock",
            "lobby",
            "letin",
            "refuse",
            "drop",
            "admit",
        ):
            answer = client.post(f"/console/{c.e164}/{action}", {"minutes": 5, "name": "x"})
            nobody = client.post(f"/console/404404/{action}", {"minutes": 5, "name": "x"})
            assert answer.status_code == nobody.status_code == (409 if who else 401)
            assert answer.content == nobody.content


@pytest.mark.parametrize("who", CALLERS)
def test_a_past_conference_of_others_is_as_unknown_as_none(who: str, sign_in: SignIn) -> None:
    client = sign_in(who)
    for row in Conference.objects.filter(ended_at__isnull=False):
        for path in ("", "attendance.csv", "notes.txt"):
            assert client.get(f"/console/past/{row.pk}/{path}").status_code == 404
        assert row.pk not in client.get("/console/past/").content.decode()


# ---- the dashboard ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("who", "all_of_it", "running"),
    [
        ("admin-Crown", True, 5),
        ("admin-Hill", True, 5),
        ("admin-Mill", True, 5),
        ("admin-House", False, 1),
        ("admin-Besidemill", False, 3),
        ("admin-Besidehouse", False, 1),
        ("root-Above", True, 5),
    ],
)
def test_the_dashboard_counts_what_is_in_scope(
    who: str, all_of_it: bool, running: int, sign_in: SignIn
) -> None:
    redis_of(own_platform()).ping()
    dashboard._cache.clear()
    dashboard._cache["health"] = (1e12, {"database": "ok"})
    client = sign_in(who)
    body = client.get("/admin/live.json").json()
    assert body["states"]["running"] == running
    assert ("units" in body, "health" in body, "parked" in body) == (all_of_it,) * 3
    page = client.get("/admin/").content.decode()
    assert ("data-parked" in page) is all_of_it
    if who == "admin-House":
        assert "beside" not in page.lower()


@pytest.mark.parametrize("who", ["", "person-House"])
def test_the_dashboard_is_for_administrators(who: str, sign_in: SignIn) -> None:
    assert sign_in(who).get("/admin/live.json").status_code == 302
