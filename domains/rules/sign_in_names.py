"""Sign-in names share one namespace, in which each name has one spelling."""

from __future__ import annotations

import unicodedata


def normalize(name: str) -> str:
    """Return the one spelling of a name: compatible characters unified, no space around it, small letters."""
    return unicodedata.normalize("NFKC", name).strip().lower()


def names_of(username: str, email: str | None, phone: str | None, e164: str | None) -> set[str]:
    """Return all sign-in names of a person, as the model `SignInName` keeps them."""
    return {normalize(name) for name in (username, email, phone, e164) if name and normalize(name)}
