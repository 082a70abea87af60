"""Updates of Yjs documents are put together by the library pycrdt, after `rules/shared_updates.py` has checked them."""

from __future__ import annotations

from collections.abc import Iterable

from pycrdt import Doc, Text

_Document = Doc[Text]


def is_applicable(update: bytes) -> bool:
    """Return whether the library can read an update."""
    try:
        _Document().apply_update(update)
    except (ValueError, RuntimeError):
        return False
    return True


def compacted(updates: Iterable[bytes]) -> bytes:
    """Return one update that says what all of these say, without what was deleted since.

    What refers to something that was never stored is left out; our pages write no such thing.
    """
    return _document_of(updates).get_update()


def text_of(updates: Iterable[bytes], root: str) -> str:
    """Return the text under this root of the document that consists of these updates."""
    return str(_document_of(updates).get(root, type=Text))


def _document_of(updates: Iterable[bytes]) -> _Document:
    """Return the document that consists of these updates."""
    document = _Document()
    for update in updates:
        document.apply_update(update)
    return document
