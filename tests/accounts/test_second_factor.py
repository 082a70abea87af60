"""Administrators show a second factor in the admin."""

from __future__ import annotations

import re
import time

import pytest
from django_otp.oath import TOTP
from django_otp.plugins.otp_static.models import StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from domains.flows import people
from domains.models import Account
from tests.accounts.conftest import PASSWORD
from tests.web_clients import Browser

pytestmark = pytest.mark.usefixtures("second_factor")
PAGE = "/admin/second-factor/"


def signed_in(username: str) -> Browser:
    page = Browser()
    fields = {"username": username, "password": PASSWORD, "next": "/admin/domains/account/"}
    assert page.post("/admin/login/", fields).status_code == 302
    return page


def code(account: Account, later: int = 0) -> str:
    """Return the code that the app shows, now or some steps later."""
    device = TOTPDevice.objects.get(user=account)
    totp = TOTP(device.bin_key, device.step, device.t0, device.digits, device.drift)
    totp.time = time.time() + later * device.step
    return f"{totp.token():06d}"


def forget_throttling(account: Account) -> None:
    TOTPDevice.objects.filter(user=account).update(throttling_failure_count=0)


def set_up(page: Browser, account: Account) -> list[str]:
    """Return the recovery codes."""
    page.get(PAGE)
    page_text = page.post(PAGE, {"code": code(account)}).content.decode()
    block = re.search(r'id="recovery-codes"[^>]*>([^<]*)<', page_text)
    assert block is not None
    return block.group(1).split()


def test_a_password_alone_opens_no_page(boss: Account) -> None:
    page = signed_in("boss")
    for address in ("/admin/", "/admin/domains/account/", "/admin/live.json"):
        answer = page.get(address, follow=True)
        assert answer.redirect_chain[-1][0].startswith(PAGE), address
    page_text = page.get(PAGE).content.decode()
    assert "<svg" in page_text
    assert "otpauth" not in page_text


def test_the_first_time_it_is_set_up_and_recovery_codes_are_shown_once(boss: Account) -> None:
    page = signed_in("boss")
    codes = set_up(page, boss)
    assert len(set(codes)) == 10
    assert page.get("/admin/domains/account/").status_code == 200
    assert codes[0] not in page.get(PAGE, follow=True).content.decode()


def test_later_a_code_is_asked_for_and_the_key_is_not_shown_again(boss: Account) -> None:
    set_up(signed_in("boss"), boss)
    page = signed_in("boss")
    assert "<svg" not in page.get(PAGE).content.decode().partition("<form")[0].partition("qr")[2]
    assert page.get("/admin/").status_code == 302
    answer = page.post(PAGE, {"code": code(boss, 1), "next": "/admin/domains/account/"})
    assert answer["Location"] == "/admin/domains/account/"
    assert page.get("/admin/domains/account/").status_code == 200


def test_a_code_works_once(boss: Account) -> None:
    page = signed_in("boss")
    page.get(PAGE)
    used = code(boss)
    page.post(PAGE, {"code": used})
    again = signed_in("boss")
    assert again.post(PAGE, {"code": used}).status_code == 200
    assert again.get("/admin/").status_code == 302


def test_a_recovery_code_works_once(boss: Account) -> None:
    codes = set_up(signed_in("boss"), boss)
    page = signed_in("boss")
    assert page.post(PAGE, {"code": codes[0].upper()}).status_code == 302
    assert page.get("/admin/").status_code == 200
    assert StaticToken.objects.count() == 9
    again = signed_in("boss")
    assert again.post(PAGE, {"code": codes[0]}).status_code == 200
    assert again.get("/admin/").status_code == 302


def test_wrong_codes_are_throttled(boss: Account) -> None:
    set_up(signed_in("boss"), boss)
    page = signed_in("boss")
    for _ in range(3):
        page.post(PAGE, {"code": "000000"})
    assert page.post(PAGE, {"code": code(boss, 1)}).status_code == 200
    forget_throttling(boss)
    assert page.post(PAGE, {"code": code(boss, 1)}).status_code == 302


def test_the_page_goes_on_to_own_pages_alone(boss: Account) -> None:
    set_up(signed_in("boss"), boss)
    page = signed_in("boss")
    answer = page.post(PAGE, {"code": code(boss, 1), "next": "https://evil.example/"})
    assert answer["Location"] == "/admin/"


def test_after_a_reset_it_is_set_up_anew_and_running_sessions_end(boss: Account) -> None:
    page = signed_in("boss")
    set_up(page, boss)
    assert page.get("/admin/").status_code == 200
    assert people.reset_second_factor(boss.moid)
    assert page.get("/admin/").status_code == 302
    assert set_up(page, boss)


def test_a_person_does_not_get_as_far(eva: Account) -> None:
    page = Browser()
    page.force_login(eva)
    assert page.get(PAGE)["Location"].startswith("/admin/login/")


def test_an_administrator_above_resets_it_and_unlocks(boss: Account, tenant: str) -> None:
    set_up(signed_in("boss"), boss)
    chief = Account.objects.get(username="admin")
    people.set_password(chief.moid, PASSWORD)
    page = signed_in("admin")
    set_up(page, chief)
    fields = {"action": "reset_second_factor", "_selected_action": [boss.pk], "confirmed": "1"}
    page.post("/admin/domains/account/", fields)
    assert not TOTPDevice.objects.filter(user=boss).exists()


def test_a_trial_may_do_without(boss: Account, settings: object) -> None:
    settings.REQUIRE_SECOND_FACTOR = False  # type: ignore[attr-defined]
    assert signed_in("boss").get("/admin/").status_code == 200
