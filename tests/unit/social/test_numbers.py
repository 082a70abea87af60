"""Telephone numbers as people write them, and their keyed hashes."""

from __future__ import annotations

import pytest

from social.rules.numbers import hashed, hashed_many, parse


@pytest.mark.parametrize(
    ("text", "region", "number"),
    [
        ("+8613800138000", "", "+8613800138000"),
        ("138 0013 8000", "CN", "+8613800138000"),
        ("(0171) 123-4567", "DE", "+491711234567"),
        ("0049 171 1234567", "DE", "+491711234567"),
        ("138 0013 8000", "", ""),
        ("12", "CN", ""),
        ("+12", "", ""),
        ("hello", "CN", ""),
        ("+" + "1" * 50, "", ""),
    ],
)
def test_a_number_is_read_as_people_write_it(text: str, region: str, number: str) -> None:
    assert parse(text, region) == number


def test_the_same_number_has_one_hash_however_it_is_written() -> None:
    texts = ["+8613800138000", "138-0013-8000", "86 138 0013 8000", "no number"]
    assert len(hashed_many(texts, "CN", "secret")) == 1


def test_a_hash_needs_the_secret() -> None:
    assert hashed("+8613800138000", "one") != hashed("+8613800138000", "another")
    assert "138" not in hashed("+8613800138000", "one")
