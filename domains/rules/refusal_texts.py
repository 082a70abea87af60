"""The module translates refusals of the rules into sentences in the reader's language."""

from __future__ import annotations

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
"""Terms that the rules compose or read from tables. They are listed here so that the translation tools find them."""


def translated(refusal: Refusal) -> str:
    """Return a refusal as a sentence in the reader's language. Names of domains in it are not translated."""
    return gettext(refusal.text) % {
        name: _translated_value(value) for name, value in refusal.values.items()
    }


def _translated_value(value: object) -> object:
    """Return a value of a refusal, translated if it is a term or counts of terms."""
    if isinstance(value, Term):
        return gettext(value)
    if isinstance(value, Counts):
        return ", ".join(f"{gettext(kind)}: {count}" for kind, count in value.items())
    return value
