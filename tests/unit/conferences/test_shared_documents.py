"""Tests show which updates of notes and whiteboards are stored, who may write, and what compacting keeps."""

from __future__ import annotations

from typing import Any

import pytest
from pycrdt import Doc, Map, Text

from conferences.data.yjs_updates import compacted, is_applicable, text_of
from conferences.rules.shared_documents import MAX_UPDATE, Kind, may_write
from conferences.rules.shared_updates import MAX_ELEMENT, MAX_KEY, BadUpdate, check_update

HUGE = bytes.fromhex("ffffffff07")


class Writer:
    """A page with a document of its own, and the updates that it has made."""

    def __init__(self) -> None:
        self.document: Doc[Any] = Doc()
        self.updates: list[bytes] = []
        self.notes = self.document.get("notes", type=Text)
        self.board = self.document.get("board", type=Map)
        self._observed = self.document.observe(lambda event: self.updates.append(event.update))


def written() -> list[bytes]:
    """Return the updates of two people who write into the same notes, in two languages, and delete something."""
    anna, ben = Writer(), Writer()
    anna.notes += "Agenda: 会议 🎉"
    ben.document.apply_update(anna.updates[0])
    ben.updates.clear()
    ben.notes.insert(0, "Our ")
    del ben.notes[0:2]
    return anna.updates + ben.updates


def drawn(key: str = "k1", element: object = '{"t":"pen"}') -> bytes:
    """Return the update of a page that puts an element on the whiteboard."""
    page = Writer()
    page.board[key] = element
    return page.updates[0]


def test_what_pages_write_passes() -> None:
    for update in written():
        check_update(update, Kind.NOTES)
    page = Writer()
    for element in ("first", "second"):
        page.board["k"] = element
    page.board.pop("k")
    for update in [*page.updates, drawn("k" * MAX_KEY, "x" * MAX_ELEMENT)]:
        check_update(update, Kind.BOARD)


@pytest.mark.parametrize(
    ("update", "kind"),
    [
        (b"", Kind.NOTES),
        (b"\x00" * (MAX_UPDATE + 1), Kind.NOTES),
        (written()[0], Kind.BOARD),
        (drawn(), Kind.NOTES),
        (drawn(element=1), Kind.BOARD),
        (drawn(element=["text"]), Kind.BOARD),
        (drawn(element=Map({"a": "b"})), Kind.BOARD),
        (drawn("k" * (MAX_KEY + 1)), Kind.BOARD),
        (drawn(element="x" * (MAX_ELEMENT + 1)), Kind.BOARD),
        (drawn().replace(b"\x05board", b"\x05other"), Kind.BOARD),
        # Each of these made the library take gigabytes or minutes, or ended the process.
        (HUGE + drawn()[1:], Kind.BOARD),
        (drawn()[:1] + HUGE + drawn()[2:], Kind.BOARD),
        (drawn()[:-1] + HUGE, Kind.BOARD),
        (drawn().replace(b"\x77\x0b", b"\x76" + HUGE), Kind.BOARD),
        (drawn().partition(b"\x77\x0b")[0] + b"\x75\x01" * 30_000 + b"\x7e\x00", Kind.BOARD),
    ],
    ids=[
        *("empty", "too long", "notes on the board", "a board in the notes", "a number"),
        *("a list", "a map", "a long key", "a long element", "another name", "many clients"),
        *("many structures", "a huge deletion", "a huge object", "deep nesting"),
    ],
)
def test_anything_else_is_refused_before_the_library_reads_it(update: bytes, kind: Kind) -> None:
    with pytest.raises(BadUpdate):
        check_update(update, kind)


def test_an_update_that_is_cut_off_or_goes_on_is_refused() -> None:
    for update, kind in ((written()[0], Kind.NOTES), (drawn(), Kind.BOARD)):
        for end in range(len(update)):
            with pytest.raises(BadUpdate):
                check_update(update[:end], kind)
        with pytest.raises(BadUpdate):
            check_update(update + b"\x00", kind)
        assert is_applicable(update)
        assert not is_applicable(update[:-1])


def test_compacted_updates_say_the_same_in_any_order_and_twice() -> None:
    updates = written()
    text = text_of(updates, "notes")
    assert text == "r Agenda: 会议 🎉"
    assert text_of([compacted(updates)], "notes") == text
    assert text_of([*reversed(updates), *updates], "notes") == text


def test_a_whiteboard_that_was_rubbed_out_becomes_small() -> None:
    page = Writer()
    for number in range(100):
        page.board[f"k{number}"] = "x" * 1000
    for number in range(100):
        page.board.pop(f"k{number}")
    assert len(compacted(page.updates)) < 5000


def test_all_write_until_only_those_who_lead_may() -> None:
    assert may_write(is_read_only=False, may_direct=False)
    assert may_write(is_read_only=True, may_direct=True)
    assert not may_write(is_read_only=True, may_direct=False)
