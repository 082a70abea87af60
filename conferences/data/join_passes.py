"""The functions here sign and check passes: proofs that a visitor was let into a conference by its join page.

A pass names the conference, the visitor, and the account from which the visitor came. All sites sign with one key, so
a pass is good wherever the conference moves. A visitor's id is derived from a secret of the browser: everybody inside
sees the id, as part of the ids at the media unit, and nobody can derive the secret from it.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import NamedTuple

from django.core.signing import BadSignature, Signer

from foundation.signing import shared_key

_BROWSER = re.compile("[0-9a-f]{16,64}")
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


def signed_pass(granted: Pass) -> str:
    """Return a visitor's pass (the proof of being let in) as signed text, which the page keeps."""
    return Signer(key=shared_key(), salt="join-pass").sign("|".join(granted))


def pass_of(signed: str, confid: str) -> Pass | None:
    """Return the pass (the proof of being let in) that a page has sent as signed text.

    Returns `None` if it is forged, or for another conference than that with this id.
    """
    try:
        granted = Pass(*Signer(key=shared_key(), salt="join-pass").unsign(signed).split("|"))
    except (BadSignature, TypeError):
        return None
    return granted if granted.confid == confid else None
