"""Sealed licences: what was sealed is read again, and nothing else is."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licensing.rules.amounts import MAX_AMOUNT, Amounts
from licensing.rules.licence_text import (
    PREFIX,
    Altered,
    BadLicence,
    Licence,
    NotALicence,
    UnknownVersion,
    WrongKey,
    generate_keys,
    read_key,
    seal,
    unseal,
    write_key,
)

SIGNING, PUBLIC, SEALING = generate_keys()
START = datetime(2026, 1, 1, tzinfo=UTC)
ONE = Licence("east", 7, Amounts(1, 2, 3, 4, 5, 6, 7), START, START + timedelta(days=365))
TEXT = seal(ONE, SIGNING, SEALING)

amounts = st.builds(Amounts, *[st.integers(0, MAX_AMOUNT)] * 7)
moments = st.integers(0, 36_500 * 86_400).map(lambda s: START + timedelta(seconds=s - 10**9))


@given(
    amounts,
    st.text("abcdef-0123456789", min_size=1, max_size=40),
    st.integers(1, MAX_AMOUNT),
    moments,
    st.none() | st.integers(1, 10**6),
)
def test_what_was_sealed_is_read_again(
    limits: Amounts, platform: str, issue: int, start: datetime, minutes: int | None
) -> None:
    end = start + timedelta(minutes=minutes) if minutes else None
    licence = Licence(platform, issue, limits, start, end)
    assert unseal(seal(licence, SIGNING, SEALING), PUBLIC, SEALING) == licence


def test_any_single_bit_flipped_anywhere_is_refused() -> None:
    raw = TEXT.encode()
    for place in range(len(raw)):
        for bit in range(8):
            spoilt = bytes([*raw[:place], raw[place] ^ (1 << bit), *raw[place + 1 :]])
            with pytest.raises(BadLicence):
                unseal(spoilt.decode("latin-1"), PUBLIC, SEALING)


@given(st.integers(len(PREFIX), len(TEXT) - 1), st.sampled_from("ABCxyz019-_"))
def test_another_character_in_the_body_is_called_altered(place: int, other: str) -> None:
    spoilt = TEXT[:place] + other + TEXT[place + 1 :]
    if spoilt != TEXT:
        with pytest.raises(Altered, match="altered"):
            unseal(spoilt, PUBLIC, SEALING)


@given(st.text(max_size=300))
def test_any_other_text_is_refused_and_nothing_else_happens(text: str) -> None:
    with pytest.raises(BadLicence):
        unseal(text, PUBLIC, SEALING)
    with pytest.raises(BadLicence):
        unseal(PREFIX + text, PUBLIC, SEALING)


@given(st.integers(0, len(TEXT) - 1))
def test_a_piece_of_a_licence_is_refused(length: int) -> None:
    with pytest.raises(BadLicence):
        unseal(TEXT[:length], PUBLIC, SEALING)


def test_each_failure_has_its_own_name_and_words() -> None:
    other_signing, other_public, other_sealing = generate_keys()
    cases: list[tuple[str, bytes, bytes, type[BadLicence], str]] = [
        ("hello", PUBLIC, SEALING, NotALicence, "not a licence"),
        (PREFIX + "AAAA", PUBLIC, SEALING, NotALicence, "its end is missing"),
        ("CPL2." + TEXT[5:], PUBLIC, SEALING, UnknownVersion, "version 2"),
        (TEXT[:-1], PUBLIC, SEALING, Altered, "altered"),
        (TEXT[:40] + "!" + TEXT[41:], PUBLIC, SEALING, Altered, "copy it again"),
        (TEXT, other_public, SEALING, WrongKey, "LICENSE_PUBLIC_KEY"),
        (seal(ONE, other_signing, SEALING), PUBLIC, SEALING, WrongKey, "another key"),
        (TEXT, PUBLIC, other_sealing, WrongKey, "LICENSE_SEALING_KEY"),
    ]
    for text, public, sealing, kind, words in cases:
        with pytest.raises(BadLicence, match=words) as refused:
            unseal(text, public, sealing)
        assert type(refused.value) is kind


def test_a_forged_checksum_and_key_id_do_not_help() -> None:
    import base64
    import hashlib

    raw = bytearray(base64.urlsafe_b64decode(TEXT[5:] + "=" * (-len(TEXT[5:]) % 4)))
    raw[-1] ^= 1
    raw[:4] = hashlib.sha256(PREFIX.encode() + raw[4:]).digest()[:4]
    forged = PREFIX + base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
    with pytest.raises(Altered, match="signature"):
        unseal(forged, PUBLIC, SEALING)


def test_broken_lines_and_spaces_around_do_no_harm() -> None:
    wrapped = "\n  " + "\r\n".join(re.findall(".{1,64}", TEXT)) + "\n"
    assert unseal(wrapped, PUBLIC, SEALING) == ONE


def test_the_text_hides_what_it_says_and_is_never_the_same_twice() -> None:
    import base64

    raw = base64.urlsafe_b64decode(TEXT[5:] + "=" * (-len(TEXT[5:]) % 4))
    assert b"east" not in raw
    assert b"smallconfnum" not in raw
    assert seal(ONE, SIGNING, SEALING) != TEXT


@pytest.mark.parametrize(
    "wrong",
    [
        {"platform": ""},
        {"platform": "x" * 41},
        {"issue": 0},
        {"amounts": Amounts(-1)},
        {"amounts": Amounts(MAX_AMOUNT + 1)},
        {"amounts": Amounts(True)},
        {"valid_to": START},
    ],
)
def test_no_licence_can_say_this(wrong: dict[str, Any]) -> None:
    usual = {"platform": "east", "issue": 1, "amounts": Amounts(), "valid_from": START}
    with pytest.raises(ValueError, match=r"MOID|issue|must be|end"):
        Licence(**{**usual, **wrong})


def test_keys_are_lines_of_text() -> None:
    assert read_key(write_key(SEALING) + "\n", "it") == SEALING
    for key in ("", "abc", "é" * 43, write_key(SEALING) + "A"):
        with pytest.raises(BadLicence, match="LICENSE_PUBLIC_KEY is not a key"):
            read_key(key, "LICENSE_PUBLIC_KEY")
