"""Cards as vCards: what is written is read again, by us and by another library."""

from __future__ import annotations

import contextlib

import pytest
import vobject
from hypothesis import given
from hypothesis import strategies as st

from social.rules import vcard

TEXT = st.text(
    st.characters(blacklist_categories=["Cs", "Cc", "Zl", "Zp"], blacklist_characters="\x85"),
    min_size=1,
    max_size=120,
).filter(lambda text: text.strip() == text)
FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "nickname": TEXT,
        "title": TEXT,
        "note": st.lists(TEXT, min_size=1, max_size=3).map("\n".join),
        "organisation": TEXT,
        "address": TEXT,
        "phone": st.from_regex(r"\A\+[1-9][0-9]{6,14}\Z"),
        "birthday": st.dates().map(lambda day: day.isoformat()),
        "email": st.just("ada@example.org"),
        "url": st.just("https://example.org/?a=1;b,c"),
    },
)


@given(TEXT, FIELDS)
def test_a_card_is_read_as_it_was_written(name: str, fields: dict[str, str]) -> None:
    text = vcard.write(name, fields, "a-1")
    assert all(len(line.encode()) <= vcard.FOLD_BYTES for line in text.split("\r\n"))
    (card,) = vcard.read(text)
    assert (card.name, card.fields) == (name, fields)


def test_another_library_reads_our_card() -> None:
    fields = {"phone": "+8613800138000", "note": "a; b, c\nd" * 20, "email": "ada@example.org"}
    other = vobject.readOne(vcard.write("安娜, Anna", fields))
    assert other.version.value == "4.0"
    assert other.fn.value == "安娜, Anna"
    assert other.note.value == fields["note"]
    assert other.tel.value == "tel:+8613800138000"


def test_a_card_of_another_library_is_read() -> None:
    other = vobject.vCard()
    other.add("fn").value = "Ben, the second"
    other.add("n").value = vobject.vcard.Name("Ben")
    other.add("org").value = ["Mill", "Kitchen"]
    other.add("tel").value = "+86 138 0013 8000"
    other.add("note").value = "two\nlines"
    (card,) = vcard.read(other.serialize())
    assert card.name == "Ben, the second"
    assert card.fields == {
        "organisation": "Mill, Kitchen",
        "phone": "+8613800138000",
        "note": "two\nlines",
    }


@pytest.mark.parametrize(
    "text",
    [
        "",
        "FN:x",
        "BEGIN:VCARD\nVERSION:4.0\nFN:x",
        "BEGIN:VCARD\nVERSION:2.1\nFN:x\nEND:VCARD",
        "BEGIN:VCARD\nVERSION:4.0\nEND:VCARD",
        "BEGIN:VCARD\nVERSION:4.0\nFN:x\nno property\nEND:VCARD",
    ],
)
def test_what_is_no_card_is_refused_in_words(text: str) -> None:
    with pytest.raises(vcard.CardRefused, match="vcard:"):
        vcard.read(text)


@given(st.text(max_size=300))
def test_any_text_is_read_or_refused(text: str) -> None:
    for begun in (text, f"BEGIN:VCARD\nVERSION:4.0\nFN:x\n{text}\nEND:VCARD"):
        with contextlib.suppress(vcard.CardRefused):
            vcard.read(begun)
