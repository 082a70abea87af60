"""OAuth2: codes with PKCE, passwords for trusted programs, refresh tokens that are used once."""

from __future__ import annotations

import base64
import hashlib
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.utils import timezone
from oauth2_provider.models import get_access_token_model, get_refresh_token_model

from domains.api import sessions
from domains.flows import change, people
from domains.models import Account, Application, Level
from tests.accounts.conftest import PASSWORD, SECRET, application
from tests.web_clients import BareClient, Browser

BACK = "https://calendar.example/back"
VERIFIER = "v" * 64
CHALLENGE = (
    base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
)
AccessToken, RefreshToken = get_access_token_model(), get_refresh_token_model()


@pytest.fixture(autouse=True)
def _nothing_believed() -> None:
    sessions._session_cache.clear()


def ask_for_code(app: Application, **more: Any) -> dict[str, Any]:
    fields = {
        "client_id": app.client_id,
        "redirect_uri": BACK,
        "response_type": "code",
        "scope": "read write",
        "state": "xyz",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    }
    return {name: value for name, value in {**fields, **more}.items() if value is not None}


def consent(app: Application, who: Account, **more: Any) -> dict[str, str]:
    """Return the parameters that reach the program's address once the person has agreed."""
    page = Browser()
    page.force_login(who)
    answer = page.post("/oauth/authorize", {**ask_for_code(app, **more), "allow": "1"})
    assert answer.status_code == 302, answer.content
    assert answer["Location"].startswith(BACK)
    back = urlsplit(answer["Location"])
    return {name: values[0] for name, values in parse_qs(back.query or back.fragment).items()}


def token(app: Application, grant: str, **more: Any) -> Any:
    fields = {"grant_type": grant, "client_id": app.client_id, "client_secret": SECRET, **more}
    return BareClient().post("/oauth/token", fields)


def exchange(app: Application, code: str, **more: Any) -> Any:
    fields = {"code": code, "redirect_uri": BACK, "code_verifier": VERIFIER, **more}
    return token(app, "authorization_code", **fields)


def by_password(app: Application, **more: Any) -> Any:
    return token(app, "password", **{"username": "eva.lang", "password": PASSWORD, **more})


def refresh(app: Application, value: str) -> Any:
    return token(app, "refresh_token", refresh_token=value)


def api(value: str, method: str = "get", path: str = "vc/confs") -> Any:
    sessions._session_cache.clear()
    headers = {"Authorization": f"Bearer {value}"}
    form = {} if method == "get" else {"content_type": "application/x-www-form-urlencoded"}
    return getattr(BareClient(), method)(f"/api/v1/{path}", headers=headers, **form)


# ---- codes --------------------------------------------------------------------------------------


def test_a_code_becomes_tokens_that_open_the_api(eva: Account, calendar: Application) -> None:
    back = consent(calendar, eva)
    assert back["state"] == "xyz"
    assert back["iss"]
    body = exchange(calendar, back["code"]).json()
    assert body["expires_in"] == 3600
    assert api(body["access_token"]).json()["success"] == 1


def test_the_person_is_asked(eva: Account, calendar: Application) -> None:
    page = Browser()
    assert page.get("/oauth/authorize", ask_for_code(calendar))["Location"].startswith(
        "/accounts/login/"
    )
    page.force_login(eva)
    text = page.get("/oauth/authorize", ask_for_code(calendar)).content.decode()
    assert "Calendar" in text
    assert "Hold and control conferences" in text
    answer = page.post("/oauth/authorize", ask_for_code(calendar))
    assert "error=access_denied" in answer["Location"]


@pytest.mark.parametrize(
    "more",
    [
        {"code_challenge": None, "code_challenge_method": None},
        {"code_challenge": VERIFIER, "code_challenge_method": "plain"},
        {"code_challenge": VERIFIER, "code_challenge_method": None},
        {"response_type": "token"},
        {"scope": "everything"},
    ],
)
def test_without_pkce_or_with_too_much_there_is_no_code(
    eva: Account, calendar: Application, more: dict[str, Any]
) -> None:
    back = consent(calendar, eva, **more)
    assert "code" not in back
    assert back["error"] in (
        "invalid_request",
        "unsupported_response_type",
        "invalid_scope",
        "unauthorized_client",
    )


@pytest.mark.parametrize(
    "uri",
    [
        BACK + "/",
        BACK + "?a=1",
        "https://calendar.example/back/../x",
        "https://evil.example/",
        "http://calendar.example/back",
    ],
)
def test_an_address_that_is_not_registered_letter_for_letter_is_no_way_back(
    eva: Account, calendar: Application, uri: str
) -> None:
    page = Browser()
    page.force_login(eva)
    assert page.get("/oauth/authorize", ask_for_code(calendar, redirect_uri=uri)).status_code == 400


def test_a_wrong_verifier_and_another_program_get_nothing(
    eva: Account, calendar: Application, tenant: str
) -> None:
    code = consent(calendar, eva)["code"]
    other = application(tenant, Application.GRANT_AUTHORIZATION_CODE)
    assert exchange(other, code).json()["error"] == "invalid_grant"
    assert exchange(calendar, code, code_verifier="w" * 64).json()["error"] == "invalid_grant"
    assert exchange(calendar, code, code_verifier="").status_code == 400
    assert exchange(calendar, code, client_secret="wrong").status_code == 401
    assert exchange(calendar, code, redirect_uri="https://evil.example/").status_code == 400


def test_a_code_used_twice_ends_what_it_gave(eva: Account, calendar: Application) -> None:
    code = consent(calendar, eva)["code"]
    first = exchange(calendar, code).json()
    assert exchange(calendar, code).json()["error"] == "invalid_grant"
    assert api(first["access_token"]).status_code == 401
    assert refresh(calendar, first["refresh_token"]).json()["error"] == "invalid_grant"


def test_a_code_lasts_five_minutes(eva: Account, calendar: Application) -> None:
    from oauth2_provider.models import get_grant_model

    code = consent(calendar, eva)["code"]
    grants = get_grant_model().objects
    assert grants.get().expires <= timezone.now() + timedelta(minutes=5)
    grants.update(expires=timezone.now())
    assert exchange(calendar, code).json()["error"] == "invalid_grant"


def test_an_application_serves_its_domain_and_below_alone(
    eva: Account, calendar: Application, tenant: str
) -> None:
    core = change.create(Level.SERVICE, name="Elsewhere", parent_id=_core())
    calendar.domain_id = core.moid
    calendar.save()
    assert consent(calendar, eva)["error"] == "access_denied"
    calendar.domain_id = _core()
    calendar.save()
    assert "code" in consent(calendar, eva)


def _core() -> str:
    from domains.models import Domain

    return Domain.objects.get(level=Level.CORE).moid


# ---- passwords ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["eva.lang", "eva@example.org", "+4930123456", "880012345"])
def test_a_trusted_program_signs_people_in_by_any_name(
    eva: Account, desk: Application, name: str
) -> None:
    body = by_password(desk, username=name).json()
    assert api(body["access_token"]).json()["success"] == 1


def test_passwords_are_for_confidential_programs_made_for_it(
    eva: Account, desk: Application, calendar: Application, tenant: str
) -> None:
    assert by_password(calendar).json()["error"] == "unauthorized_client"
    assert by_password(desk, client_secret="wrong").json()["error"] == "invalid_client"
    with pytest.raises(ValidationError, match="confidential"):
        application(tenant, Application.GRANT_PASSWORD, "public")
    Application.objects.filter(pk=desk.pk).update(client_type="public")
    assert by_password(desk).status_code in (400, 401)


def test_wrong_passwords_lock_out_here_too_and_say_so(eva: Account, desk: Application) -> None:
    for _ in range(5):
        assert by_password(desk, password="wrong").json()["error"] == "invalid_grant"
    answer = by_password(desk).json()
    assert answer["error"] == "invalid_grant"
    assert "Too many wrong tries" in answer["error_description"]


def test_a_password_line_lasts_eight_hours_however_often_it_is_refreshed(
    eva: Account, desk: Application
) -> None:
    first = by_password(desk).json()
    second = refresh(desk, first["refresh_token"]).json()
    begun = timezone.now() - timedelta(hours=8, seconds=1)
    RefreshToken.objects.filter(revoked__isnull=False).update(created=begun)
    assert refresh(desk, second["refresh_token"]).json()["error"] == "invalid_grant"


# ---- tokens -------------------------------------------------------------------------------------


def test_a_refresh_token_used_twice_ends_its_line(eva: Account, calendar: Application) -> None:
    first = exchange(calendar, consent(calendar, eva)["code"]).json()
    second = refresh(calendar, first["refresh_token"]).json()
    assert api(second["access_token"]).status_code == 200
    assert refresh(calendar, first["refresh_token"]).json()["error"] == "invalid_grant"
    assert api(second["access_token"]).status_code == 401
    assert refresh(calendar, second["refresh_token"]).json()["error"] == "invalid_grant"


def test_tokens_and_secrets_are_kept_as_hashes(eva: Account, desk: Application) -> None:
    body = by_password(desk).json()
    for model in (AccessToken, RefreshToken):
        row = model.objects.get()
        assert body["access_token"] not in str(row.__dict__)
        assert body["refresh_token"] not in str(row.__dict__)
    assert SECRET not in Application.objects.get(pk=desk.pk).client_secret


def test_forged_expired_and_revoked_tokens_open_nothing(eva: Account, desk: Application) -> None:
    value = by_password(desk).json()["access_token"]
    for forged in (value[:-1] + ("a" if value[-1] != "a" else "b"), "", "x", value + value):
        refused = api(forged)
        assert refused.status_code == 401, forged
        assert 'error="invalid_token"' in refused["WWW-Authenticate"]
    fields = {"client_id": desk.client_id, "client_secret": SECRET, "token": value}
    assert BareClient().post("/oauth/revoke_token", fields).status_code == 200
    assert api(value).status_code == 401
    other = by_password(desk).json()["access_token"]
    AccessToken.objects.update(expires=timezone.now())
    assert api(other).status_code == 401


def test_a_token_in_the_address_is_not_looked_at(eva: Account, desk: Application) -> None:
    value = by_password(desk).json()["access_token"]
    assert Browser().get(f"/api/v1/vc/confs?access_token={value}").json()["success"] == 0


def test_a_token_does_what_its_scope_says(eva: Account, desk: Application) -> None:
    value = by_password(desk, scope="read").json()["access_token"]
    assert api(value).status_code == 200
    refused = api(value, "post", "mc/confs")
    assert refused.status_code == 403
    assert "insufficient_scope" in refused["WWW-Authenticate"]


@pytest.mark.parametrize("what", ["disabled", "password", "moved", "application"])
def test_tokens_end_with_what_they_rest_on(eva: Account, desk: Application, what: str) -> None:
    body = by_password(desk).json()
    if what == "disabled":
        people.disable(eva.moid)
        people.enable(eva.moid)
    elif what == "password":
        people.set_password(eva.moid, PASSWORD + "8")
    elif what == "moved":
        away = change.create(Level.SERVICE, name="Elsewhere", parent_id=_core())
        Application.objects.filter(pk=desk.pk).update(domain_id=away.moid)
    else:
        desk.delete()
    assert api(body["access_token"]).status_code == 401
    assert refresh(desk, body["refresh_token"]).status_code in (400, 401)


def test_introspection_is_for_confidential_programs_about_people_they_serve(
    eva: Account, desk: Application, tenant: str
) -> None:
    value = by_password(desk).json()["access_token"]
    fields = {"client_id": desk.client_id, "client_secret": SECRET, "token": value}
    body = BareClient().post("/oauth/introspect", fields).json()
    assert (body["active"], body["username"]) == (True, "Eva.Lang")
    assert BareClient().post("/oauth/introspect", {**fields, "token": "x"}).json() == {
        "active": False
    }
    bearer = {"Authorization": f"Bearer {value}"}
    alone = BareClient().post("/oauth/introspect", {"token": value}, headers=bearer)
    assert alone.status_code == 401
    assert BareClient().get("/oauth/introspect", fields).status_code == 405
    elsewhere = change.create(Level.SERVICE, name="Elsewhere", parent_id=_core())
    other = application(elsewhere.moid, Application.GRANT_PASSWORD)
    fields["client_id"] = other.client_id
    assert BareClient().post("/oauth/introspect", fields).json() == {"active": False}
    public = application(tenant, Application.GRANT_AUTHORIZATION_CODE, "public")
    fields["client_id"] = public.client_id
    assert BareClient().post("/oauth/introspect", fields).status_code == 401


def test_only_the_password_grant_is_warned_of(settings: Any) -> None:
    from django.core import checks

    problems = [str(problem.id) for problem in checks.run_checks(include_deployment_checks=True)]
    assert [problem for problem in problems if problem.startswith("oauth2_provider")] == [
        "oauth2_provider.W002"
    ]
    assert not [problem for problem in problems if problem.startswith("axes")]
    assert not settings.SILENCED_SYSTEM_CHECKS


# ---- addresses of programs ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("uri", "sound"),
    [
        ("https://calendar.example/back", True),
        ("http://127.0.0.1/back", True),
        ("http://[::1]:8080/back", True),
        ("http://calendar.example/back", False),
        ("http://127.0.0.1.evil.example/", False),
        ("http://127.0.0.1@evil.example/", False),
        ("javascript:alert(1)", False),
        ("https://*.example/back", False),
    ],
)
def test_a_program_comes_back_by_https_or_to_the_own_machine(
    tenant: str, uri: str, sound: bool
) -> None:
    app = application(tenant, Application.GRANT_AUTHORIZATION_CODE)
    app.redirect_uris = uri
    if sound:
        app.full_clean()
        assert app.redirect_uri_allowed(uri)
    else:
        with pytest.raises(ValidationError):
            app.full_clean()


def test_on_the_own_machine_any_port_will_do(tenant: str) -> None:
    app = application(tenant, Application.GRANT_AUTHORIZATION_CODE)
    app.redirect_uris = "http://127.0.0.1/back"
    assert app.redirect_uri_allowed("http://127.0.0.1:49152/back")
    assert not app.redirect_uri_allowed("http://127.0.0.1:49152/other")
    assert not app.redirect_uri_allowed("http://127.0.0.1:80@evil.example/back")


def test_what_is_old_is_forgotten(eva: Account, desk: Application) -> None:
    by_password(desk)
    AccessToken.objects.update(expires=timezone.now() - timedelta(days=30))
    sessions.delete_expired_tokens(timezone.now())
    assert not AccessToken.objects.exists()
    assert not RefreshToken.objects.exists()
    call_command("cleartokens")
