"""Credentials of the TURN server are those that coturn computes itself."""

from __future__ import annotations

from social.rules.turn import SECONDS, turn_credential


def test_a_credential_names_person_and_end_and_is_signed() -> None:
    name, password = turn_credential("secret", "anna", 1_000.9)
    assert name == f"{1_000 + SECONDS}:anna"
    # echo -n 44200:anna | openssl dgst -sha1 -hmac secret -binary | base64
    assert password == "kC5AcYrVRWNasxDCkXuMmWnc4P4="
