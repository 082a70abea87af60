"""An administrator's second factor (django-otp) is an authenticator app, with recovery codes on paper.

After a wrong code django-otp refuses further ones for some time, which doubles with each wrong one. The recovery
codes are generated when the app is set up, shown once, and each can be used once.
"""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass

import qrcode
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django_otp import login, verify_token
from django_otp.models import Device
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice
from prometheus_client import Counter
from qrcode.image.svg import SvgPathImage

from domains.data import change_log
from domains.data.queries import is_kept_at_core
from domains.models import Account

CODES = Counter("second_factors_total", "Codes of administrators, by what came of them", ["result"])
RECOVERY_CODES = 10
APP_CODE_DIGITS = 6
LONGEST_CODE = 16


@dataclass(frozen=True, slots=True)
class SecondFactorStep:
    """Represent the step that the page of the second factor shows.

    `passed`: the code was right. `error` says why a code was refused. `picture` (a QR code) and `key` are for setting
    up the app; `recovery_codes` are shown when it is set up. `core_address` is the address of the core (which owns
    the domain tree), for an account that came from there and is set up there.
    """

    passed: bool = False
    error: str = ""
    picture: SafeString = SafeString("")  # noqa: RUF009 - a constant
    key: str = ""
    recovery_codes: tuple[str, ...] = ()
    core_address: str = ""


def take_step(request: HttpRequest) -> SecondFactorStep:
    """Check a code if one was sent, and return the step that the page shows next."""
    account = request.user
    assert isinstance(account, Account)
    code = request.POST.get("code", "").replace(" ", "").lower()[:LONGEST_CODE]
    if TOTPDevice.objects.filter(user=account, confirmed=True).exists():
        return _verify_code(request, account, code)
    if is_kept_at_core("default", account.moid):
        return SecondFactorStep(core_address=settings.CORE_URL)
    return _set_up_app(request, account, code)


# ---- later sign-ins: enter a code ---------------------------------------------------------------


def _verify_code(request: HttpRequest, account: Account, code: str) -> SecondFactorStep:
    """Check a code of the app, or a recovery code, and return the next step. Without a code, the step asks for one."""
    if not code:
        return SecondFactorStep()
    is_code_of_app = len(code) == APP_CODE_DIGITS and code.isdigit()
    model = TOTPDevice if is_code_of_app else StaticDevice
    device = model.objects.filter(user=account, confirmed=True).first()
    if device is not None and verify_token(account, device.persistent_id, code) is not None:
        _mark_verified(request, device)
        return SecondFactorStep(passed=True)
    CODES.labels("wrong").inc()
    return SecondFactorStep(error=_describe_failure(device))


def _describe_failure(device: Device) -> str:
    """Return why a code was refused: it is wrong, or it came too soon after other wrong ones."""
    if device is not None:
        device.refresh_from_db()
        allowed, reason = device.verify_is_allowed()
        if not allowed and reason and reason["failure_count"] > 1:
            return _("This code is wrong, or came too early: wait a moment before the next one.")
    return _("This code is wrong, or was used already. Take the one that the app shows now.")


def _mark_verified(request: HttpRequest, device: Device) -> None:
    """Note in the browser session, under a new session key, that the second factor was shown."""
    CODES.labels("right").inc()
    request.session.cycle_key()
    login(request, device)


# ---- the first sign-in: set up the app ----------------------------------------------------------


def _set_up_app(request: HttpRequest, account: Account, code: str) -> SecondFactorStep:
    """Return the step with the QR code for a new app, or, if its first code was sent, the step after checking it."""
    device, _new = TOTPDevice.objects.get_or_create(
        user=account, confirmed=False, defaults={"name": "authenticator"}
    )
    step = SecondFactorStep(
        picture=_qr_code(device.config_url),
        key=base64.b32encode(device.bin_key).decode().rstrip("="),
    )
    if not code:
        return step
    codes = _confirm_app(account, device, code)
    if codes is None:
        CODES.labels("wrong").inc()
        device.refresh_from_db()
        return SecondFactorStep(error=_describe_failure(device), picture=step.picture, key=step.key)
    _mark_verified(request, device)
    return SecondFactorStep(passed=True, recovery_codes=codes)


def _confirm_app(account: Account, device: Device, code: str) -> tuple[str, ...] | None:
    """Confirm the app by its first code, and return new recovery codes. `None` means that the code was wrong."""
    if verify_token(account, device.persistent_id, code) is None:
        return None
    with transaction.atomic():
        if not TOTPDevice.objects.filter(pk=device.pk, confirmed=False).update(confirmed=True):
            return None
        device.refresh_from_db()
        StaticDevice.objects.filter(user=account).delete()
        device_of_codes = StaticDevice.objects.create(user=account, name="recovery codes")
        codes = tuple(StaticToken.random_token() for _ in range(RECOVERY_CODES))
        StaticToken.objects.bulk_create(
            StaticToken(device=device_of_codes, token=code) for code in codes
        )
        change_log.record_change("default", "account", account.moid, "mod")
    return codes


def _qr_code(address: str) -> SafeString:
    """Return the QR code of an address as SVG to include in the page, so that no cache stores it as a file."""
    svg = io.BytesIO()
    qrcode.make(address, image_factory=SvgPathImage, box_size=12, border=2).save(svg)
    text = svg.getvalue().decode()
    return mark_safe(text[text.index("<svg") :])  # noqa: S308 - made here, from a URL in a path
