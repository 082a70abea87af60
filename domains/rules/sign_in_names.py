"""User names, e-mail addresses and numbers of accounts share one namespace, in which each name has one spelling."""

from __future__ import annotations

import unicodedata


def normalize(name: str) -> str:
    """Return the one spelling of a sign-in name: compatible characters unified, spaces stripped, lower case."""
    return unicodedata.normalize("NFKC", name).strip().lower()


def names_of(username: str, email: str | None, phone: str | None, e164: str | None) -> set[str]:
    """Return all sign-in names of an account, in the spelling that the model `SignInName` stores."""
    return {normalize(name) for name in (username, email, phone, e164) if name and normalize(name)}
