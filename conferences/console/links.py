"""Links by which people join: signed, so that a number alone lets nobody in."""

from __future__ import annotations

from django.core.signing import TimestampSigner


def join_link(confid: str, e164: str) -> str:
    """The path of the join page of a conference, with its token."""
    return f"/join/{e164}/?t={TimestampSigner(salt='join').sign(confid)}"
