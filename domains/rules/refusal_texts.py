"""Refusals of the rules as sentences in the reader's language."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext, gettext_noop

from domains.rules.tree import Counts, Refusal, Term

MORE_TERMS = (
    gettext_noop("service domain or core domain"),
    gettext_noop("domains below"),
    gettext_noop("user domains bound"),
    gettext_noop("rooms"),
    gettext_noop("accounts"),
    gettext_noop("API keys"),
    gettext_noop("backup of"),
)
"""Terms that the rules put together or read from tables. They stand here so that translators find them."""


def translated(refusal: Refusal) -> str:
    """Return a refusal as a sentence in the reader's language. Names of domains in it are not translated."""
    return gettext(refusal.text) % {name: _word(value) for name, value in refusal.values.items()}


def _word(value: Any) -> Any:
    if isinstance(value, Term):
        return gettext(value)
    if isinstance(value, Counts):
        return ", ".join(f"{gettext(kind)}: {count}" for kind, count in value.items())
    return value
