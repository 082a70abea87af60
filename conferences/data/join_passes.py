"""The functions here sign and check passes: proofs that a visitor was let into a conference by its join page.

A pass names the conference, the visitor, and the account from which the visitor came. All sites sign with one key, so
a pass is good wherever the conference moves. It lasts for some hours; the page gets a new one with each answer.
A visitor's id is derived from a secret of the browser: everybody inside sees the id, as part of the ids at the media
unit, and nobody can derive the secret from it.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from typing import NamedTuple

from django.core.signing import BadSignature, TimestampSigner

from foundation.signing import shared_key

_BROWSER = re.compile("[0-9a-f]{16,64}")
PASS_LASTS = 12 * 3600
"""Seconds for which a pass is good; browsers keep it, also where another person uses them on the next day."""
_LENGTH_OF_VISITOR_ID = 16
"""So many characters of the ids at a media unit tell which visitor it is (`media_unit/roster.py`)."""


class Pass(NamedTuple):
    """The proof that a visitor was let into a conference. `account`: the MOID that had signed in; "" means a guest."""

    confid: str
    visitor: str
    account: str


def visitor_of(confid: str, browser: str) -> str:
    """Return the id by which a conference knows a browser; "" if the browser's secret (`browser`) is malformed."""
    if not _BROWSER.fullmatch(browser):
        return ""
    hashed = hmac.new(shared_key().encode(), f"visitor:{confid}:{browser}".encode(), hashlib.sha256)
    return hashed.hexdigest()[:_LENGTH_OF_VISITOR_ID]


def random_visitor() -> str:
    """Return a visitor's id for a browser that has sent no secret: it gets no pass, and is somebody new each time."""
    return secrets.token_hex(_LENGTH_OF_VISITOR_ID // 2)


def _signer() -> TimestampSigner:
    """Return the signer of passes, which all sites share."""
    return TimestampSigner(key=shared_key(), salt="join-pass")


def signed_pass(granted: Pass) -> str:
    """Return a pass in the form in which the page keeps it."""
    return _signer().sign("|".join(granted))


def pass_of(signed: str, confid: str) -> Pass | None:
    """Return the pass that a page has sent for the conference with this id.

    `None` if it is forged, too old, or for another conference.
    """
    try:
        granted = Pass(*_signer().unsign(signed, max_age=PASS_LASTS).split("|"))
    except (BadSignature, TypeError):
        return None
    return granted if granted.confid == confid else None
