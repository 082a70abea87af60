"""Token, login, heartbeats (HTTP API §1.2 to §1.5)."""

from __future__ import annotations

import pytest

from deploy.stand.site import Site
from tests.http.program import Program

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("stories")]


@pytest.fixture
def stranger(simulated: Site) -> Program:
    return Program(simulated)


def test_a_wrong_key_or_secret_is_refused_with_10001(stranger: Program) -> None:
    answer = stranger.post(
        "system/token", oauth_consumer_key="nobody", oauth_consumer_secret="x" * 500
    )
    assert answer["error_code"] == 10001
    assert stranger.post("system/token")["error_code"] == 10001


def test_a_token_that_is_unknown_is_refused_with_10002(stranger: Program) -> None:
    assert stranger.post("system/token/0123/heartbeat")["error_code"] == 10002
    answer = stranger.post("system/login", account_token="0123", username="a", password="b")
    assert answer["error_code"] == 10002


def test_a_wrong_password_is_refused_with_10101(program: Program) -> None:
    answer = program.post("system/login", username="anna", password="wrong")
    assert answer["error_code"] == 10101


def test_a_call_without_login_is_refused_with_10102(stranger: Program, simulated: Site) -> None:
    stranger.token = stranger.post("system/token", **simulated.demo["api_key"])["account_token"]
    assert stranger.create()["error_code"] == 10102


def test_login_echoes_the_name_and_sets_the_one_cookie_that_clients_can_read(
    program: Program,
) -> None:
    answer = program.log_in("anna")
    assert answer["username"] == "anna"
    name, _, rest = program.headers["Set-Cookie"].partition("=")
    assert name == "SSO_COOKIE_KEY"
    value, *attributes = [part.strip() for part in rest.split(";")]
    assert len(value) == 36
    assert "Path=/" in attributes
    assert not any(a.startswith("Domain") for a in attributes)


def test_heartbeats_work_without_the_cookie(program: Program) -> None:
    program.cookie = ""
    assert program.post("system/heartbeat")["success"] == 1
    assert program.post(f"system/token/{program.token}/heartbeat")["success"] == 1


def test_a_read_with_the_cookie_alone_uses_the_token_bound_to_the_login(program: Program) -> None:
    program.token = ""
    assert program.get("vc/confs")["success"] == 1


def test_a_cookie_sent_back_with_its_attributes_is_understood(program: Program) -> None:
    program.cookie += "; Path=/;"
    assert program.get("vc/confs")["success"] == 1


def test_a_foreign_cookie_beside_a_token_is_refused(program: Program) -> None:
    program.cookie = "SSO_COOKIE_KEY=00000000-0000-0000-0000-000000000000"
    assert program.get("vc/confs")["error_code"] == 10102
