"""An administrator's second factor (django-otp): an authenticator app, and recovery codes on paper.

Wrong codes are throttled by django-otp: each doubles the wait. The recovery codes are made when the
app is set up, shown once, and good for one sign-in each.
"""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from typing import Any

import qrcode
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django_otp import login, verify_token
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice
from prometheus_client import Counter
from qrcode.image.svg import SvgPathImage

from domains.data import change_log
from domains.data.queries import is_kept_at_core
from domains.models import Account

CODES = Counter("second_factors_total", "Codes of administrators, by what came of them", ["result"])
RECOVERY_CODES = 10
LONGEST_CODE = 16


@dataclass(frozen=True, slots=True)
class Asked:
    """What the page shows: the picture and the key (setting up), what was wrong, or the codes."""

    passed: bool = False
    wrong: str = ""
    picture: SafeString = SafeString("")  # noqa: RUF009 - a constant
    key: str = ""
    recovery_codes: tuple[str, ...] = ()
    elsewhere: str = ""


def ask(request: HttpRequest) -> Asked:
    """Take a code if one was sent; otherwise, and if it was wrong, what to ask for."""
    account: Any = request.user
    code = request.POST.get("code", "").replace(" ", "").lower()[:LONGEST_CODE]
    if TOTPDevice.objects.filter(user=account, confirmed=True).exists():
        return _show(request, account, code)
    if is_kept_at_core("default", account.moid):
        return Asked(elsewhere=settings.CORE_URL)
    return _set_up(request, account, code)


# ---- later: show it -----------------------------------------------------------------------------


def _show(request: HttpRequest, account: Any, code: str) -> Asked:
    if not code:
        return Asked()
    model: Any = TOTPDevice if len(code) == 6 and code.isdigit() else StaticDevice
    device = model.objects.filter(user=account, confirmed=True).first()
    if device is not None and verify_token(account, device.persistent_id, code) is not None:
        _let_in(request, device)
        return Asked(passed=True)
    CODES.labels("wrong").inc()
    return Asked(wrong=_why_not(device))


def _why_not(device: Any) -> str:
    """The wait after a wrong code, and the word for one that is simply wrong."""
    if device is not None:
        device.refresh_from_db()
        allowed, why = device.verify_is_allowed()
        if not allowed and why and why["failure_count"] > 1:
            return _("This code is wrong, or came too early: wait a moment before the next one.")
    return _("This code is wrong, or was used already. Take the one that the app shows now.")


def _let_in(request: HttpRequest, device: Any) -> None:
    CODES.labels("right").inc()
    request.session.cycle_key()
    login(request, device)


# ---- the first time: set it up ------------------------------------------------------------------


def _set_up(request: HttpRequest, account: Any, code: str) -> Asked:
    device, _new = TOTPDevice.objects.get_or_create(
        user=account, confirmed=False, defaults={"name": "authenticator"}
    )
    shown = Asked(
        picture=_picture(device.config_url),
        key=base64.b32encode(device.bin_key).decode().rstrip("="),
    )
    if not code:
        return shown
    codes = _confirm(account, device, code)
    if codes is None:
        CODES.labels("wrong").inc()
        device.refresh_from_db()
        return Asked(wrong=_why_not(device), picture=shown.picture, key=shown.key)
    _let_in(request, device)
    return Asked(passed=True, recovery_codes=codes)


def _confirm(account: Account, device: Any, code: str) -> tuple[str, ...] | None:
    """From now on this device is asked for; the recovery codes. None: the code was wrong."""
    if verify_token(account, device.persistent_id, code) is None:
        return None
    with transaction.atomic():
        if not TOTPDevice.objects.filter(pk=device.pk, confirmed=False).update(confirmed=True):
            return None
        device.refresh_from_db()
        StaticDevice.objects.filter(user=account).delete()
        paper = StaticDevice.objects.create(user=account, name="recovery codes")
        codes = tuple(StaticToken.random_token() for _ in range(RECOVERY_CODES))
        StaticToken.objects.bulk_create(StaticToken(device=paper, token=one) for one in codes)
        change_log.record_change("default", "account", account.moid, "mod")
    return codes


def _picture(address: str) -> SafeString:
    """The QR code as SVG, to stand in the page: no address of a third party, and in no cache."""
    found = io.BytesIO()
    qrcode.make(address, image_factory=SvgPathImage, box_size=12, border=2).save(found)
    text = found.getvalue().decode()
    return mark_safe(text[text.index("<svg") :])  # noqa: S308 - made here, from a URL in a path
