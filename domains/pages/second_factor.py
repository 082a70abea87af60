"""An administrator's second factor (django-otp) is an authenticator app, with recovery codes on paper.

Wrong codes are throttled by django-otp: each doubles the wait. The recovery codes are made when the app is set up,
shown once, and each is good for one sign-in.
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
class SecondFactorStep:
    """The step that the page shows.

    While the app is set up it holds the QR code and the key, after a wrong code the `error`, and at the end the recovery
    codes. `core_address` is the place to set it up, for an account that is kept at a core.
    """

    passed: bool = False
    error: str = ""
    picture: SafeString = SafeString("")  # noqa: RUF009 - a constant
    key: str = ""
    recovery_codes: tuple[str, ...] = ()
    core_address: str = ""


def take_step(request: HttpRequest) -> SecondFactorStep:
    """Check a code if one was sent, and return the step that the page shows next."""
    account: Any = request.user
    code = request.POST.get("code", "").replace(" ", "").lower()[:LONGEST_CODE]
    if TOTPDevice.objects.filter(user=account, confirmed=True).exists():
        return _verify(request, account, code)
    if is_kept_at_core("default", account.moid):
        return SecondFactorStep(core_address=settings.CORE_URL)
    return _set_up(request, account, code)


# ---- later: show it -----------------------------------------------------------------------------


def _verify(request: HttpRequest, account: Any, code: str) -> SecondFactorStep:
    """Check a code of the app or a recovery code. Without a code, the step only asks for one."""
    if not code:
        return SecondFactorStep()
    model: Any = TOTPDevice if len(code) == 6 and code.isdigit() else StaticDevice
    device = model.objects.filter(user=account, confirmed=True).first()
    if device is not None and verify_token(account, device.persistent_id, code) is not None:
        _mark_verified(request, device)
        return SecondFactorStep(passed=True)
    CODES.labels("wrong").inc()
    return SecondFactorStep(error=_describe_failure(device))


def _describe_failure(device: Any) -> str:
    """Return why a code was refused: it is wrong, or it came before the wait was over."""
    if device is not None:
        device.refresh_from_db()
        allowed, reason = device.verify_is_allowed()
        if not allowed and reason and reason["failure_count"] > 1:
            return _("This code is wrong, or came too early: wait a moment before the next one.")
    return _("This code is wrong, or was used already. Take the one that the app shows now.")


def _mark_verified(request: HttpRequest, device: Any) -> None:
    CODES.labels("right").inc()
    request.session.cycle_key()
    login(request, device)


# ---- the first time: set it up ------------------------------------------------------------------


def _set_up(request: HttpRequest, account: Any, code: str) -> SecondFactorStep:
    """Show the QR code of a new app, or check the first code of the app."""
    device, _new = TOTPDevice.objects.get_or_create(
        user=account, confirmed=False, defaults={"name": "authenticator"}
    )
    step = SecondFactorStep(
        picture=_qr_code(device.config_url),
        key=base64.b32encode(device.bin_key).decode().rstrip("="),
    )
    if not code:
        return step
    codes = _confirm(account, device, code)
    if codes is None:
        CODES.labels("wrong").inc()
        device.refresh_from_db()
        return SecondFactorStep(error=_describe_failure(device), picture=step.picture, key=step.key)
    _mark_verified(request, device)
    return SecondFactorStep(passed=True, recovery_codes=codes)


def _confirm(account: Account, device: Any, code: str) -> tuple[str, ...] | None:
    """Confirm the app with its first code, and return the recovery codes. `None` means that the code was wrong."""
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
    """Return the QR code as SVG inside the page, so that it gets into no cache and to no third party."""
    svg = io.BytesIO()
    qrcode.make(address, image_factory=SvgPathImage, box_size=12, border=2).save(svg)
    text = svg.getvalue().decode()
    return mark_safe(text[text.index("<svg") :])  # noqa: S308 - made here, from a URL in a path
